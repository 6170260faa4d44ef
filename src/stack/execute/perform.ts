import type { Action, ActionOf } from '../../plan/model/action.ts';
import { follow, forgetOwner, handOver, move, removeNode, sendCommand } from './cluster-actions.ts';
import { performOnEngine } from './engine-actions.ts';
import type { Execution, Outcome } from './execution.ts';
import { repairSlots } from './repair-slots.ts';
import { changePassword } from './passwords.ts';
import { performOnProxy } from './proxy-process.ts';
import { hasCode, StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { containerName } from '../../plan/model/names.ts';
import { NODE_TABLE_FILE } from '../../plan/node/redis-config.ts';
import { configValue, prepareDump, resetNode, saveNow, writeLog } from '../../redis/persistence.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';
import { unwritableFailure } from '../observe/inside.ts';
import { certificateFiles, nodeTableFile, settingFiles } from './config-files.ts';
import { leaveWritten, stopGraceSeconds } from './stopping.ts';
import { REDIS_GID, REDIS_UID } from '../../plan/model/definitions.ts';

/** Carries out one action: the only place that knows which handler an action has. */
export async function perform(execution: Execution, action: Action): Promise<Outcome | void> {
  switch (action.type) {
    case 'start proxy':
    case 'reload proxy':
    case 'restart proxy':
    case 'stop proxy':
      return performOnProxy(execution.session, action, execution.desired.wanted.proxy);
    case 'save keys':
      return saveKeys(execution, action);
    case 'save dump':
      return saveDump(execution, action);
    case 'accept password':
    case 'send password':
    case 'drop other passwords':
      return changePassword(execution.session, execution.nodes, execution.password(), action);
    case 'renew certificate':
    case 'renew certificate and restart':
      return renewCertificate(execution, action);
    case 'set config':
      return setConfig(execution, action);
    case 'write configuration':
      return writeConfiguration(execution, action);
    case 'take over':
    case 'forget':
    case 'meet':
    case 'add slots':
      return sendCommand(execution, action);
    case 'replicate':
      return follow(execution.session, execution.nodes, execution.seen.views, {
        node: action.target,
        primaryId: action.primaryId,
      });
    case 'bump epoch':
      await execution.nodes.get(action.target).send('CLUSTER', 'BUMPEPOCH');
      return;
    case 'forget owner':
      return forgetOwner(execution, action);
    case 'restore node table':
      return restoreTable(execution, action);
    case 'repair slots':
      return repairSlots(execution, action);
    case 'move slots':
      return move(execution, action);
    case 'reset node':
      return resetNode(
        execution.nodes.get(action.target).patient(execution.session.timeoutMs),
        'soft',
        execution.session,
      );
    case 'remove node':
      return removeNode(execution, action);
    case 'fail over':
      return handOver(execution, action);
    default:
      return performOnEngine(execution, action);
  }
}

/** Has a node put its keys where its next configuration reads them. */
async function saveKeys({ session, nodes }: Execution, { target, into }: ActionOf<'save keys'>): Promise<void> {
  const link = nodes.get(target).patient(session.timeoutMs);
  if (into === 'dump.rdb') return prepareDump(link, session);
  await writeLog(link, session);
  await leaveWritten(session, containerName(session.spec.name, target));
}

/** What keeps a node from writing shows best as it tries. @throws StackError DISK_FULL, DISK_READ_ONLY, CLUSTER_UNHEALTHY */
async function saveDump({ session, nodes }: Execution, { target }: ActionOf<'save dump'>): Promise<void> {
  try {
    await saveNow(nodes.get(target), session);
  } catch (error) {
    throw hasCode(error, 'CLUSTER_UNHEALTHY') ? await unwritableFailure(session, target, 'dump.rdb') : error;
  }
}

/** New connections get it; none that stands is closed, unless the node has to be restarted to hear of it. */
async function renewCertificate(
  { session, nodes, certificateOf }: Execution,
  { type, target }: ActionOf<'renew certificate' | 'renew certificate and restart'>,
): Promise<void> {
  const { engine, spec } = session;
  const container = containerName(spec.name, target);
  const certificate = await certificateOf(nodeOf(session, target));
  if (certificate === undefined) return;
  await engine.writeFiles(container, certificateFiles(certificate));
  if (type === 'renew certificate and restart')
    await engine.restartContainer(container, await stopGraceSeconds(session, container));
  // The same name as before, and Redis reads key, certificate and authority again.
  else
    await nodes
      .get(target)
      .send('CONFIG', 'SET', 'tls-cert-file', await configValue(nodes.get(target), 'tls-cert-file'));
}

/** What its files have always said and the server can't have is only told of. */
async function setConfig(
  { session, nodes }: Execution,
  { target, name, value, isByHand }: ActionOf<'set config'>,
): Promise<void> {
  try {
    if (name === 'appendonly') await setAppendonly(session, nodes.get(target), value === 'yes');
    else await nodes.get(target).send('CONFIG', 'SET', name, value);
  } catch (error) {
    if (!hasCode(error, 'REDIS_REFUSED')) throw error;
    if (!isByHand) {
      throw new StackError('REDIS_REFUSED', {
        message: error.message,
        hint: hint`Correct ${name} in the YAML file or its redis.conf, then: ${run('up')}`,
      });
    }
    session.report({ subject: target, state: 'warning', text: error.message });
  }
}

/** Its keys are in the file that it is to read before it writes no other any more. */
async function setAppendonly(session: Session, link: NodeLink, appendonly: boolean): Promise<void> {
  const patient = link.patient(session.timeoutMs);
  if (appendonly) return writeLog(patient, session);
  await prepareDump(patient, session);
  await patient.send('CONFIG', 'SET', 'appendonly', 'no');
}

async function writeConfiguration({ session }: Execution, { target }: ActionOf<'write configuration'>): Promise<void> {
  const { engine, spec, userConf } = session;
  const files = settingFiles(spec, nodeOf(session, target), userConf);
  await engine.writeFiles(containerName(spec.name, target), files);
}

function nodeOf({ spec }: Session, name: string): NodeSpec {
  const node = spec.nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`${name} is no node of the YAML file`);
  return node;
}

/** Gives a node the table that it had; what was left of it is kept beside the new one. */
async function restoreTable({ session }: Execution, { target, table }: ActionOf<'restore node table'>): Promise<void> {
  const { engine, spec, report } = session;
  const container = containerName(spec.name, target);
  // Its own table is written as it ends: only then is it there to be kept.
  await engine.stopContainer(container, await stopGraceSeconds(session, container));
  const kept = await keepAside(session, container);
  await engine.writeFiles(container, [nodeTableFile(NODE_TABLE_FILE, table)]);
  await engine.startContainer(container);
  if (kept !== undefined)
    report({ subject: container, state: 'done', text: `its damaged node table is kept as ${kept}` });
}

/** Bytes as they are: what is wrong with them may be of use to somebody. @returns the new file's path */
async function keepAside({ engine }: Session, container: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await engine.openFile(container, NODE_TABLE_FILE)) ?? []) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) return undefined;
  const path = `${NODE_TABLE_FILE}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  const file = { path, sizeBytes: bytes.length, mode: 0o644, uid: REDIS_UID, gid: REDIS_GID };
  await engine.putFile(
    container,
    file,
    (async function* once() {
      yield bytes;
    })(),
  );
  return path;
}
