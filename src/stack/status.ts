import { findClusterProblems } from '../cluster/health.ts';
import type { NodeView } from '../cluster/view.ts';
import type { Endpoint, EngineVersion } from '../engine/engine.ts';
import { StackError } from '../errors.ts';
import { containerName, isOwn } from '../plan/names.ts';
import type { Container } from '../plan/resources.ts';
import type { NodeSpec } from '../spec/spec.ts';
import { expectationOf } from './converge.ts';
import { resolveImage, type ResolvedImage } from './image.ts';
import { linkNodes } from './links.ts';
import { localPassword } from './passwords.ts';
import type { Session } from './session.ts';
import { certificateWarnings, observeCertificates } from './settle-certificates.ts';
import { readKeptCertificates } from './trust.ts';

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

export interface NodeStatus {
  readonly node: NodeSpec;
  readonly container: Container | undefined;
  readonly view: NodeView;
}

/** What runs, and what keeps the cluster from being whole. Reads only, and doesn't wait. */
export async function readStatus(session: Session): Promise<Status> {
  const { engine, spec } = session;
  const [version, image, all, password] = await Promise.all([
    engine.version(),
    resolveImage(engine, spec.redis.image),
    engine.listContainers(),
    localPassword(session),
  ]);
  const containers = all.filter(isOwn(spec.name));
  const links = containers.some(({ state }) => state === 'running') ? await linkNodes(session, password) : [];
  const asked = spec.nodes.map(async (node): Promise<NodeStatus> => {
    const container = containers.find(({ name }) => name === containerName(spec.name, node.name));
    const link = links.find(({ name }) => name === node.name);
    // Nobody else's Redis on the same port is to be taken for ours, or to be sent our password.
    const absence = container?.state === 'running' ? undefined : `its container is ${container?.state ?? 'not there'}`;
    if (absence !== undefined || link === undefined) {
      return { node, container, view: { name: node.name, reachable: false, reason: absence ?? 'not asked' } };
    }
    const view = await link.observe();
    link.close();
    return { node, container, view };
  });
  const [nodes, warnings] = await Promise.all([Promise.all(asked), readWarnings(session)]);
  const problems = findClusterProblems(
    expectationOf(spec),
    nodes.map(({ view }) => view),
  );
  return { stack: spec.name, endpoint: engine.endpoint, engine: version, image, nodes, problems, warnings };
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
