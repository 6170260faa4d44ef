import { findClusterProblems } from '../../cluster/findings/health.ts';
import { findFullNodes, findWriteRefusals } from '../../cluster/findings/write-refusals.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import type { Endpoint, EngineVersion } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { MEMORY_MEND } from '../observe/container-end.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { resolveImage, type ResolvedImage } from '../observe/image.ts';
import { readNodes, type NodeStatus } from '../observe/observe-nodes.ts';
import { findReach, type Reach } from '../connect/host-address.ts';
import { NO_PROXY, type RunningProxy } from '../../plan/engine/plan-proxy.ts';
import { findRunningProxy } from '../observe/entrances.ts';
import type { Session } from '../session/session.ts';
import { readCertificates } from './certs.ts';
import { findNamesProblem } from './names.ts';
import { sizeText } from '../../units.ts';

export interface Status {
  readonly stack: string;
  readonly endpoint: Endpoint;
  readonly engine: EngineVersion;
  /** undefined while no container runs. */
  readonly reach: Reach | undefined;
  /** What the YAML file names means this on the engine; undefined when it has no such image. */
  readonly image: ResolvedImage | undefined;
  readonly nodes: readonly NodeStatus[];
  /** undefined where none runs, or is to. */
  readonly proxy: RunningProxy | undefined;
  /** Hosts that don't answer: whether their nodes run is not known. */
  readonly away: readonly string[];
  /** Empty when the cluster is whole. */
  readonly problems: readonly string[];
  /** What to type next; undefined when the cluster is whole. */
  readonly next: Hint | undefined;
  /** What will need somebody's attention soon. */
  readonly warnings: readonly Hint[];
}

/** What runs, and what keeps the cluster from being whole. Reads only, and doesn't wait. */
export async function readStatus(session: Session): Promise<Status> {
  const { engine, spec } = session;
  const [version, image, nodes, proxy, warnings, names] = await Promise.all([
    engine.version(),
    resolveImage(engine, spec.redis.image),
    readNodes(session),
    findRunningProxy(session),
    readWarnings(session),
    findNamesProblem(spec),
  ]);
  const views = nodes.map(({ view }) => view);
  const problems = [
    ...findClusterProblems(expectationOf(spec), views),
    ...findFullNodes(views.filter(isReachable)).map(({ text }) => text),
    ...(spec.access === 'proxy' && proxy === undefined ? [NO_PROXY] : []),
  ];
  const ends = await readMemoryWarnings(session, nodes);
  return {
    stack: spec.name,
    endpoint: engine.endpoint,
    engine: version,
    reach: nodes.some(({ container }) => container?.state === 'running') ? await findReach(session) : undefined,
    image,
    nodes,
    proxy,
    away: [...engine.away().keys()],
    problems,
    next: problems.length === 0 ? undefined : nextOf(views, problems.length),
    warnings: [...ends, ...warnings, ...(names === undefined ? [] : [hint`${names.text}. ${names.hint}`])],
  };
}

/** What only a person can change is said where nothing else is wrong. */
function nextOf(views: readonly NodeView[], problemCount: number): Hint {
  const refusals = findWriteRefusals(views);
  const advice =
    refusals.length === problemCount ? refusals.find((one) => one.advice !== undefined)?.advice : undefined;
  return advice ?? hint`${run('up')}   # repairs what can be repaired without losing data`;
}

/** It runs again, and the next burst of writes may end it again. */
async function readMemoryWarnings(session: Session, nodes: readonly NodeStatus[]): Promise<Hint[]> {
  const warnings = await Promise.all(
    nodes.map(async ({ container }) => {
      if (container === undefined) return [];
      const details = await session.engine.inspectContainer(container.name).catch(() => undefined);
      if (details?.outOfMemory !== true) return [];
      return [
        hint`the kernel has killed ${container.name}: its ${sizeText(details.memoryBytes)} of memory were used up. ${MEMORY_MEND}`,
      ];
    }),
  );
  return warnings.flat();
}

/** What is wrong with the certificates must not keep anybody from seeing the nodes. */
async function readWarnings(session: Session): Promise<readonly string[]> {
  try {
    return (await readCertificates(session)).warnings;
  } catch (error) {
    if (error instanceof StackError && !session.signal.aborted) return [error.message];
    throw error;
  }
}
