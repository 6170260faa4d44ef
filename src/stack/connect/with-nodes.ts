import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { publishedPort } from '../../plan/model/host-ports.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { Container } from '../../plan/model/resources.ts';
import { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';
import { hostAddress, reachedAt } from './host-address.ts';
import { localPassword, passwordOfNode } from './passwords.ts';
import { readTrust } from './trust.ts';

/** Connections to nodes, by their names. Each is made when it is first used. */
export interface Nodes {
  readonly all: readonly NodeLink[];
  readonly find: (name: string) => NodeLink | undefined;
  /** @throws StackError CLUSTER_UNHEALTHY where there is no such node */
  readonly get: (name: string) => NodeLink;
  /** The same connections, for commands that take their time. */
  readonly patient: (replyTimeoutMs: number) => Nodes;
}

interface NodesOptions {
  /** By default the one that is kept here. A node that has another is asked with the one in its container's files. */
  readonly password?: Secret | undefined;
  /** The nodes of the YAML file, unless others are named. */
  readonly nodes?: readonly NodeSpec[];
  /** With them, each node is sought at the ports that its container has, which the YAML file may have changed. */
  readonly containers?: readonly Container[];
  /** Over TLS, also where the plain port is open. */
  readonly isTls?: boolean;
}

/** Gives `work` a connection to each node, and closes all of them when it is done. */
export async function withNodes<T>(
  session: Session,
  work: (nodes: Nodes) => Promise<T>,
  options: NodesOptions = {},
): Promise<T> {
  const links = await linkNodes(session, options);
  try {
    return await work(nodesOf(links));
  } finally {
    for (const link of links) link.close();
  }
}

export function nodesOf(links: readonly NodeLink[]): Nodes {
  const find = (name: string): NodeLink | undefined => links.find((link) => link.name === name);
  return {
    all: links,
    find,
    get: (name) => {
      const link = find(name);
      if (link !== undefined) return link;
      throw new StackError('CLUSTER_UNHEALTHY', {
        message: `${name} does not answer any more`,
        hint: run('cluster check'),
      });
    },
    patient: (replyTimeoutMs) => nodesOf(links.map((link) => link.patient(replyTimeoutMs))),
  };
}

/** For who keeps them longer than one piece of work, and closes them himself. Over TLS only where nothing else is open. */
export async function linkNodes(session: Session, options: NodesOptions = {}): Promise<NodeLink[]> {
  const { spec, engine } = session;
  const { nodes = spec.nodes, isTls = false } = options;
  // The YAML file may have a node on another host by now.
  const { containers = spec.hosts.length > 0 ? await engine.listContainers() : [] } = options;
  const password = 'password' in options ? options.password : await localPassword(session);
  const places = nodes.map((node) => ({ node, ...placeOf(session, node, containers, isTls) }));
  const trust = places.some(({ isPlain }) => !isPlain) ? await readTrust(session) : undefined;
  return places.map(({ node, port, isPlain, publishedAt }) => {
    const { name } = node;
    const at =
      publishedAt === undefined ? hostAddress(spec, engine.endpoint, node) : reachedAt(publishedAt, engine.endpoint);
    const address = { name, host: at, port, tls: isPlain ? undefined : trust };
    return new NodeLink(address, [async () => password, () => passwordOfNode(session, name)]);
  });
}

interface Place {
  readonly port: number;
  readonly isPlain: boolean;
  /** Where it isn't what the YAML file says. */
  readonly publishedAt: string | undefined;
}

function placeOf(
  { spec }: Session,
  { name, ports }: NodeSpec,
  containers: readonly Container[],
  isTls: boolean,
): Place {
  const container = containers
    .filter(isOwn(spec.name))
    .find((one) => one.name === containerName(spec.name, name) && one.state === 'running');
  const [plain, tls] = (['plain', 'tls'] as const).map((kind) => container && publishedPort(container, kind));
  if (plain === undefined && tls === undefined) {
    const isPlain = spec.tls.plain && !isTls;
    return { port: isPlain ? ports.plain : ports.tls, isPlain, publishedAt: undefined };
  }
  const { hostPort, hostAddress: publishedAt } = plain ?? tls ?? { hostPort: 0, hostAddress: '' };
  return { port: hostPort, isPlain: plain !== undefined, publishedAt: publishedAt || undefined };
}
