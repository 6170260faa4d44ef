import { findClusterProblems } from '../../cluster/findings/health.ts';
import type { Endpoint, EngineVersion } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { memoryMend } from '../observe/container-end.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { resolveImage, type ResolvedImage } from '../observe/image.ts';
import { readNodes, type NodeStatus } from '../observe/observe-nodes.ts';
import type { Session } from '../session/session.ts';
import { certificateWarnings, observeCertificates } from '../execute/settle-certificates.ts';
import { readKeptCertificates } from '../connect/trust.ts';

export interface Status {
  readonly stack: string;
  readonly endpoint: Endpoint;
  readonly engine: EngineVersion;
  /** What the YAML file names means this on the engine; undefined when it has no such image. */
  readonly image: ResolvedImage | undefined;
  readonly nodes: readonly NodeStatus[];
  /** Empty when the cluster is whole. */
  readonly problems: readonly string[];
  /** What will need somebody's attention soon. */
  readonly warnings: readonly string[];
}

/** What runs, and what keeps the cluster from being whole. Reads only, and doesn't wait. */
export async function readStatus(session: Session): Promise<Status> {
  const { engine, spec } = session;
  const [version, image, nodes, warnings] = await Promise.all([
    engine.version(),
    resolveImage(engine, spec.redis.image),
    readNodes(session),
    readWarnings(session),
  ]);
  const problems = findClusterProblems(
    expectationOf(spec),
    nodes.map(({ view }) => view),
  );
  const ends = await readMemoryWarnings(session, nodes);
  return {
    stack: spec.name,
    endpoint: engine.endpoint,
    engine: version,
    image,
    nodes,
    problems,
    warnings: [...ends, ...warnings],
  };
}

/** It runs again, and the next burst of writes may end it again. */
async function readMemoryWarnings(session: Session, nodes: readonly NodeStatus[]): Promise<string[]> {
  const warnings = await Promise.all(
    nodes.map(async ({ container }) => {
      if (container === undefined) return [];
      const details = await session.engine.inspectContainer(container.name).catch(() => undefined);
      if (details?.outOfMemory !== true) return [];
      const megabytes = Math.round(details.memoryBytes / 1024 ** 2);
      return [
        `the kernel has ended ${container.name}, because its ${megabytes} MB of memory were used up. ${memoryMend(session)}`,
      ];
    }),
  );
  return warnings.flat();
}

/** What is wrong with the certificates must not keep anybody from seeing the nodes. */
async function readWarnings(session: Session): Promise<string[]> {
  if (!session.spec.tls.enabled) return [];
  try {
    const [served, kept] = await Promise.all([observeCertificates(session), readKeptCertificates(session)]);
    return certificateWarnings(session, served, kept, Date.now());
  } catch (error) {
    if (error instanceof StackError && !session.signal.aborted) return [error.message];
    throw error;
  }
}
