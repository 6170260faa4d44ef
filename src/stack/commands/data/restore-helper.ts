import type { Engine } from '../../../engine/engine.ts';
import { parseInfo } from '../../../cluster/nodes/view.ts';
import { hasCode, StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import { containerName, isOwn } from '../../../plan/model/names.ts';
import { REDIS_GID, REDIS_UID } from '../../../plan/model/definitions.ts';
import {
  AUTHORITY_FILE,
  CERTIFICATE_FILE,
  CONFIG_FOLDER,
  passwordHash,
  REDIS_CONF_FILE,
  USER_CONF_FILE,
  USERS_FILE,
  usersAcl,
} from '../../../plan/node/redis-config.ts';
import type { Container, ContainerFile } from '../../../plan/model/resources.ts';
import {
  helperAddress,
  helperConf,
  helperDefinition,
  helperName,
  helperPort,
  isHelper,
} from '../../../plan/engine/restore-helper.ts';
import { NodeLink } from '../../../redis/node-link.ts';
import { Refusal } from '../../../redis/connect-node.ts';
import { poll } from '../../../poll.ts';
import { Secret } from '../../../secret.ts';
import { randomPassword } from '../../../secrets/source.ts';
import { readChunks } from './backup-folder.ts';
import type { BackedUpNode } from './backup-manifest.ts';
import { certificateFiles } from '../../execute/config-files.ts';
import { hostAddress } from '../../connect/host-address.ts';
import { notRunning, type Session } from '../../session/session.ts';
import { readLog } from '../../observe/container-end.ts';
import type { NodeSpec } from '../../../spec/spec.ts';
import { readTrust } from '../../connect/trust.ts';
import { durationText } from '../../../units.ts';

const OWNER = { uid: REDIS_UID, gid: REDIS_GID };

/**
 * Gives `work` a connection to a Redis outside the cluster that holds the keys of one file of a backup. Afterwards it is
 * taken away, with its copy of the file; where this process is killed, the next restore does that, or `up`.
 *
 * @throws StackError BACKUP_INVALID when Redis can't read the file
 */
export async function withHelper<T>(
  session: Session,
  folder: string,
  node: BackedUpNode,
  work: (link: NodeLink) => Promise<T>,
): Promise<T> {
  const { engine, spec } = session;
  // One that a killed run left behind.
  const left = await findHelper(session);
  if (left !== undefined) await engine.removeContainer(left.name);
  const password = randomPassword();
  // All of them run. Its certificate is good for this one's host, too.
  const [beside] = spec.nodes;
  if (beside === undefined) throw new Error('a stack without nodes');
  await create(session, beside);
  try {
    await engine.writeFiles(helperName(spec.name), await filesOf(session, beside, password));
    const dump = { path: '/data/dump.rdb', mode: 0o600, ...OWNER, sizeBytes: node.bytes };
    await engine.putFile(helperName(spec.name), dump, readChunks(folder, node.file));
    await engine.startContainer(helperName(spec.name));
    const link = await linkHelper(session, beside, password);
    try {
      await waitUntilLoaded(session, link, node);
      return await work(link);
    } finally {
      link.close();
    }
  } finally {
    await engine.removeContainer(helperName(spec.name));
  }
}

async function findHelper({ engine, spec }: Session): Promise<Container | undefined> {
  const own = (await engine.listContainers()).filter(isOwn(spec.name));
  return own.find((container) => container.name === helperName(spec.name) && isHelper(container));
}

async function create({ engine, spec }: Session, beside: NodeSpec): Promise<void> {
  const containers = await engine.listContainers();
  const node = containers.find(({ name }) => name === containerName(spec.name, beside.name));
  if (node === undefined) throw notRunning(containerName(spec.name, beside.name));
  const address = helperAddress(spec, containers);
  if (address === undefined) {
    throw new StackError('ADDRESS_TAKEN', {
      message: `the network ${spec.network.name} has no free address for the container that reads the backup`,
      hint: 'Choose a larger network.subnet in the YAML file.',
    });
  }
  const [program = 'redis-server'] = (await engine.inspectContainer(node.name))?.command ?? [];
  await engine.createContainer(helperDefinition(spec, beside, node, address, program));
}

async function filesOf(
  { engine, spec, userConf }: Session,
  beside: NodeSpec,
  password: Secret,
): Promise<ContainerFile[]> {
  return [
    { path: `${CONFIG_FOLDER}/`, content: '', mode: 0o700, ...OWNER },
    file(REDIS_CONF_FILE, helperConf(spec)),
    file(USER_CONF_FILE, userConf),
    // Only the hash of a password that nobody else has.
    file(USERS_FILE, usersAcl([passwordHash(password.reveal())])),
    ...(spec.tls.plain ? [] : await borrowedCertificate(engine, containerName(spec.name, beside.name))),
    { path: '/data/', content: '', mode: 0o755, ...OWNER },
  ];
}

function file(path: string, content: string): ContainerFile {
  return { path, content, mode: 0o600, ...OWNER };
}

/** A node's own, which is good for the same host. */
async function borrowedCertificate(engine: Engine, container: string): Promise<ContainerFile[]> {
  const [caPem, pem] = await Promise.all([
    engine.readFile(container, AUTHORITY_FILE),
    engine.readFile(container, CERTIFICATE_FILE),
  ]);
  return caPem === undefined || pem === undefined ? [] : certificateFiles({ caPem, pem: new Secret(pem) });
}

async function linkHelper(session: Session, beside: NodeSpec, password: Secret): Promise<NodeLink> {
  const { spec, engine, timeoutMs } = session;
  const containerPort = helperPort(spec);
  const helper = await findHelper(session);
  // Published on all addresses, it may have another port for IPv6.
  const published = helper?.ports.find((one) => one.containerPort === containerPort && !one.hostAddress.includes(':'));
  // Where it ended at once it has no port: whoever waits for its answer finds out why.
  const port = published?.hostPort ?? 0;
  const tls = spec.tls.plain ? undefined : await readTrust(session);
  const host = hostAddress(spec, engine.endpoint, beside);
  return new NodeLink({ name: 'the restore helper', host, port, tls }, [async () => password], timeoutMs);
}

/** @throws StackError WAIT_TIMEOUT when nothing was read for `timeoutMs`: a large file takes its time */
async function waitUntilLoaded(session: Session, link: NodeLink, { file: rdb, keys }: BackedUpNode): Promise<void> {
  const { signal, timeoutMs, report } = session;
  let loaded = '';
  let movedAt = performance.now();
  const isLoaded = async (): Promise<boolean> => {
    const info = await persistence(link);
    if (info?.get('loading') === '0') {
      if (keys > 0 && isEmpty(info)) throw notRead(rdb);
      return true;
    }
    const bytes = info?.get('loading_loaded_bytes') ?? '';
    if (bytes !== loaded) movedAt = performance.now();
    loaded = bytes;
    report({ subject: rdb, state: 'running', text: `is read: ${info?.get('loading_loaded_perc') ?? '0'}%` });
    if (info === undefined) await rejectExited(session, rdb);
    if (performance.now() - movedAt < timeoutMs) return false;
    throw new StackError('WAIT_TIMEOUT', {
      message: `${rdb} was not read within ${durationText(timeoutMs)}`,
      hint: 'Give it longer with --timeout SECONDS.',
    });
  };
  await poll(isLoaded, Boolean, { signal, timeoutMs: Infinity, pace: { min: 20 } });
}

/** It met no key, not even one that has expired meanwhile: Redis without a file begins so, too. */
function isEmpty(info: ReadonlyMap<string, string>): boolean {
  return info.get('rdb_last_load_keys_loaded') === '0' && info.get('rdb_last_load_keys_expired') === '0';
}

function notRead(rdb: string): StackError {
  return new StackError('ENGINE_FAILED', {
    message: `${rdb} holds keys, and none of them reached the container that reads it: the file is not in its /data`,
    hint: run('doctor'),
  });
}

/** undefined where it doesn't answer yet. */
async function persistence(link: NodeLink): Promise<Map<string, string> | undefined> {
  try {
    const [reply] = await link.sendAll([['INFO', 'persistence']]);
    return reply instanceof Refusal ? undefined : parseInfo(String(reply));
  } catch (error) {
    if (hasCode(error, 'NODE_DISCONNECTED')) return undefined;
    throw error;
  }
}

/** Redis ends where it can't read its file: one of a newer version, above all. */
async function rejectExited(session: Session, rdb: string): Promise<void> {
  const { engine } = session;
  const helper = await findHelper(session);
  if (helper?.state === 'running') return;
  if (helper === undefined) {
    throw new StackError('CHANGED_MEANWHILE', {
      message: 'the container that reads the backup is gone: another command has removed it',
      hint: 'Run the same command again with --replace.',
    });
  }
  const log = await readLog(engine, helper.name, 8);
  throw new StackError('BACKUP_INVALID', {
    message: `Redis could not read ${rdb}: a Redis reads files of its own version and of older ones`,
    details: log.split('\n').filter(Boolean),
    hint: 'Set redis.image in the YAML file to the version that backup.json names, or a newer one, run up, then restore again.',
  });
}
