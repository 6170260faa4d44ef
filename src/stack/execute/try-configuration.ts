import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { findReconfigured } from '../../plan/engine/drift.ts';
import type { Action } from '../../plan/model/action.ts';
import { beside } from '../../plan/model/definitions.ts';
import { isOwn } from '../../plan/model/names.ts';
import type { ContainerDefinition } from '../../plan/model/resources.ts';
import { poll } from '../../poll.ts';
import { randomPassword } from '../../secrets/source.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { durationText } from '../../units.ts';
import { readLog, STOPPED_FROM_OUTSIDE } from '../observe/container-end.ts';
import type { Session } from '../session/session.ts';
import { configFiles } from './config-files.ts';
import type { Execution } from './execution.ts';

/**
 * Before a node that runs is stopped for another configuration or another image: whether a server begins with it. Once in
 * a run: nodes have the same one but for their addresses.
 *
 * @throws StackError SPEC_INVALID with the server's own words, before anything is done
 */
export function openTrial(): (execution: Execution, actions: readonly Action[]) => Promise<void> {
  let isPassed = false;
  return async (execution, actions) => {
    const { desired, seen } = execution;
    const name = isPassed ? undefined : findReconfigured(desired.wanted, seen.engine, actions);
    const node = desired.spec.nodes.find((one) => one.name === name);
    if (node === undefined) return;
    await tryConfiguration(execution, node);
    isPassed = true;
  };
}

async function tryConfiguration({ session, desired, seen, certificateOf }: Execution, node: NodeSpec): Promise<void> {
  const { engine, spec, userConf } = session;
  const own = desired.wanted.containers.get(node.name);
  if (own === undefined) return;
  const { image, memoryBytes, cpus } = own;
  // Whatever level the user has set, it says when it is ready.
  const command = [...own.command, '--loglevel', 'notice'];
  const trial = beside(spec.name, 'trial', { image, command, memoryBytes, cpus });
  const { name } = trial;
  session.report({ subject: name, state: 'running', text: 'tries the new configuration' });
  // One that a killed run left behind.
  if (seen.engine.containers.some((one) => one.name === name && isOwn(spec.name)(one)))
    await engine.removeContainer(name);
  const certificate = await certificateOf(node);
  await engine.createContainer(trial);
  try {
    // A password that nobody else has: nothing connects to it.
    await engine.writeFiles(
      name,
      configFiles(spec, node, { userConf, password: randomPassword(), certificate, users: [] }),
    );
    await engine.startContainer(name);
    await requireReady(session, trial);
  } finally {
    await engine.removeContainer(name);
  }
}

async function requireReady(session: Session, { name, image }: ContainerDefinition): Promise<void> {
  const { engine, timeoutMs } = session;
  const look = async (): Promise<{ readonly isRunning: boolean; readonly log: string }> => {
    const containers = await engine.listContainers();
    const isRunning = containers.some((one) => one.name === name && one.state === 'running');
    return { isRunning, log: await readLog(engine, name, 200) };
  };
  const isReady = (log: string): boolean => log.includes('Ready to accept connections');
  const onTimeout = (): StackError =>
    new StackError('WAIT_TIMEOUT', {
      message: `a server with the new configuration was not ready within ${durationText(timeoutMs)}; no node was stopped`,
      hint: 'Give it longer with --timeout SECONDS.',
    });
  const { log } = await poll(look, ({ isRunning, log: seen }) => !isRunning || isReady(seen), {
    ...session,
    onTimeout,
  });
  if (isReady(log)) return;
  const { exitCode } = await engine.containerExit(name);
  if (STOPPED_FROM_OUTSIDE.has(exitCode))
    throw new StackError('CHANGED_MEANWHILE', { message: `${name}, which tried the new configuration, was stopped` });
  const { config = '' } = session.spec.redis;
  const line = refusedLine(log, session.userConf);
  throw new StackError('SPEC_INVALID', {
    message: `a server of ${image} does not start with the new configuration; no node was stopped`,
    details: line === undefined ? log.split('\n').filter(Boolean).slice(-8) : [`${config}:${line}`],
    hint: hint`Correct ${line === undefined ? `redis.image in the YAML file, or ${config || 'redis.config'}` : config}, then: ${run('up')}`,
  });
}

/** `1 'tcp-keepalive 60 # seconds': wrong number of arguments`; undefined where it is no line of the user's that it refuses. */
function refusedLine(log: string, userConf: string): string | undefined {
  const [, number = '', line = '', words = ''] = /at line (\d+)\n>>> '(.*)'\n(.*)/.exec(log) ?? [];
  const isUsers = line !== '' && userConf.split('\n')[Number(number) - 1]?.trim() === line;
  return isUsers ? `${number} '${line}': ${words}` : undefined;
}
