import type { NodeView, ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { absenceText } from '../../plan/engine/host-conflicts.ts';
import { backTo, formerImage } from '../../plan/engine/other-server.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Container, ContainerExit } from '../../plan/model/resources.ts';
import { poll } from '../../poll.ts';
import { readLogSigns, unknownTableMend, type LogSign } from './log-signs.ts';
import { readConfig } from './observe.ts';
import type { Engine } from '../../engine/engine.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';
import { configText } from './wanted.ts';
import { sizeText } from '../../units.ts';

/** A Valkey that crashes says in hundreds of lines where it was, after it has said why. */
const LAST_LINES = 4000;

/** How a container's process ended, as far as the engine and its own last words tell. */
interface ContainerEnd extends ContainerExit {
  /** What Redis's words mean, where that is known. */
  readonly sign: LogSign | undefined;
  readonly lastLines: readonly string[];
}

/** One that is started again and again may run again by now: it will end once more. */
const NEXT_END_MS = 5000;

async function readEnd(session: Session, node: string, container: Container): Promise<ContainerEnd> {
  const { engine, signal, timeoutMs } = session;
  const exit = await poll(
    () => engine.containerExit(container.name),
    ({ isRunning = false }) => !isRunning,
    { signal, timeoutMs: Math.min(timeoutMs, NEXT_END_MS) },
  );
  return { ...exit, ...(await readLastWords(session, node, container)) };
}

async function readLastWords(
  { engine }: Session,
  node: string,
  { name, image, state }: Container,
): Promise<Pick<ContainerEnd, 'sign' | 'lastLines'>> {
  const log = await readLog(engine, name, LAST_LINES);
  const place = { container: name, node, image, neighbour: undefined };
  // One that is started again and again may not have come to the point yet, this time.
  const sign = readLogSigns(log, place, state === 'restarting' ? 2 : 1).find(({ isFatal }) => isFatal);
  return { sign, lastLines: log.split('\n').filter(Boolean).slice(-8) };
}

/** Why nobody has asked a node. What is on a host that is away is not known. */
export function whyUnseen(engine: Pick<Engine, 'away'>, { host = '' }: NodeSpec, container?: Container): string {
  const away = engine.away();
  if (away.has(host)) return `its host ${host} does not answer`;
  if (container === undefined && away.size > 0) return `its container is not on ${host}, and ${absenceText(away)}`;
  return `its container is ${container?.state ?? 'not there'}`;
}

/** Why a container is exited, in a few words. */
export async function whyExited(engine: Session['engine'], container: string): Promise<string> {
  return exitText(await engine.containerExit(container));
}

export function exitText({ exitCode, outOfMemory, error, isEngines = false }: ContainerExit): string {
  if (outOfMemory) return 'it was out of memory';
  const engine = ': the engine was killed, or the machine lost its power, and the engine did not start it again';
  return error || `exit code ${exitCode}${isEngines ? engine : ''}`;
}

/** Nodes that can't start, because their node table can't be read. */
export async function findDamagedTables(session: Session, containers: readonly Container[]): Promise<Set<string>> {
  const { spec } = session;
  const damaged = await Promise.all(
    spec.nodes.map(async ({ name }) => {
      const container = containers.find((one) => one.name === containerName(spec.name, name));
      if (container?.state !== 'restarting' && container?.state !== 'exited') return [];
      return (await readLastWords(session, name, container)).sign?.kind === 'node table' ? [name] : [];
    }),
  );
  return new Set(damaged.flat());
}

/** A container that has ended won't answer however long anybody waits. @throws StackError CONTAINER_EXITED, NOT_RUNNING */
export async function rejectExited(
  session: Session,
  views: readonly NodeView[],
  containers: readonly Container[],
): Promise<void> {
  const { spec } = session;
  for (const view of views.filter(({ reachable }) => !reachable)) {
    const name = containerName(spec.name, view.name);
    const container = containers.find((one) => one.name === name);
    if (container?.state === 'running') continue;
    if (container === undefined) {
      throw new StackError('NOT_RUNNING', {
        message: `the container ${name} is gone`,
        hint: run('up'),
        isPassing: true,
      });
    }
    const [end, isOutdated] = await Promise.all([
      readEnd(session, view.name, container),
      hasOtherConfig(session, view.name, name),
    ]);
    const former = formerImage(spec.name, containers, container.imageId);
    throw endFailure(session, view.name, container, { ...end, isOutdated, former });
  }
}

/** Between two of its attempts to start it looked as if it ran, and was left alone: the next round writes it anew. */
async function hasOtherConfig(session: Session, node: string, container: string): Promise<boolean> {
  const spec = session.spec.nodes.find(({ name }) => name === node);
  const files = await readConfig(session.engine, container);
  if (spec === undefined || files === undefined) return false;
  const wanted = configText(session, spec);
  return files.redisConf !== wanted.redisConf || files.userConf !== wanted.userConf;
}

/** A node that runs, and has said at its start that not all of its data could be read. */
export async function reportCuts({ engine, spec, report }: Session, views: readonly ReachableView[]): Promise<void> {
  await Promise.all(
    views.map(async (view) => {
      const name = containerName(spec.name, view.name);
      const place = { container: name, node: view.name, image: spec.redis.image, neighbour: undefined };
      // Only a word on the side: a log that can't be read ends nothing.
      const log = await readLog(engine, name, LAST_LINES).catch(() => '');
      for (const { text, mend } of readLogSigns(log, place).filter(({ isFatal }) => !isFatal))
        report({ subject: name, state: 'warning', text, hint: mend });
    }),
  );
}

function endFailure(
  session: Session,
  node: string,
  container: Container,
  end: ContainerEnd & { readonly isOutdated: boolean; readonly former: string | undefined },
): StackError {
  const { exitCode, outOfMemory, error, sign, lastLines, isOutdated, former } = end;
  const why = outOfMemory
    ? `the kernel ended it, because its ${sizeText(session.spec.redis.memoryBytes)} of memory were used up`
    : (sign?.text ?? (error || `exit code ${exitCode}`));
  // Had anybody known what stood in it, it would have been written anew.
  const signMend = sign?.kind === 'node table' ? unknownTableMend({ node }) : (sign?.mend ?? run(`logs ${node}`));
  const isImages = former !== undefined && !outOfMemory && (sign === undefined || sign.kind === 'other server');
  const rest = former === undefined ? '' : `; it is of ${container.image}, the others still run ${former}`;
  return new StackError('CONTAINER_EXITED', {
    message: `the container ${container.name} is ${container.state}: ${why}${rest}`,
    details: lastLines,
    hint: isImages ? backTo(former) : outOfMemory ? MEMORY_MEND : signMend,
    isPassing: isOutdated || (!outOfMemory && sign === undefined && STOPPED_FROM_OUTSIDE.has(exitCode)),
  });
}

/** SIGTERM, which Redis ends with 0 unless it has just begun; SIGKILL; and what an engine says that was killed before. */
export const STOPPED_FROM_OUTSIDE: ReadonlySet<number> = new Set([0, 143, 137, 255]);

export const MEMORY_MEND = hint`Set redis.memory higher in the YAML file, then: ${run('up')}   # every key is in its volume`;

/** The last lines of a container's log. */
export async function readLog(engine: Session['engine'], name: string, tail: number): Promise<string> {
  const lines: string[] = [];
  for await (const line of engine.logs(name, { follow: false, tail, timestamps: false })) lines.push(line);
  return lines.join('\n');
}
