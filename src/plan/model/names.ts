import { createHash } from 'node:crypto';

/** Names and labels of all that the program makes. They are how it finds its own things again: there is no state file. */

const PREFIX = 'redis-cluster-as-code';

export const LABELS = {
  /** The stack's name: on everything. */
  stack: `${PREFIX}.stack`,
  /** The node's name: on containers and volumes. */
  node: `${PREFIX}.node`,
  /** The image reference that a container was made from. */
  image: `${PREFIX}.image`,
  /** Whether its node serves TLS, which a Vault secret may decide, and speaks it on the bus, too: `no`, `yes`, `bus`. */
  tls: `${PREFIX}.tls`,
  /** A digest of what the thing was made from, to see when the YAML file asks for another. */
  definition: `${PREFIX}.definition`,
  /** Where clients on the host come in to the node, of one behind the proxy: `127.0.0.1:6379 127.0.0.1:6390`. */
  entrance: `${PREFIX}.entrance`,
  /** On a volume that was made when its node moved to another host: how many that node had had before, see `settle`. */
  generation: `${PREFIX}.generation`,
  /** On what tells that somebody changes a stack: its name. It is no part of the stack, and has not its label. */
  lock: `${PREFIX}.lock`,
  /** … and who, which process, since when. */
  holder: `${PREFIX}.holder`,
  process: `${PREFIX}.process`,
  since: `${PREFIX}.since`,
  /** On which other hosts the stack had nodes when the thing was made: `b ssh://me@b.example, c …`. For people to know. */
  elsewhere: `${PREFIX}.elsewhere`,
  /** The process for which the thing was made, where one was named. No part of what it is made from. */
  owner: `${PREFIX}.owner`,
} as const;

/** The image that `image build` makes on this engine. No registry has one of this name. */
export const LOCAL_IMAGE = `${PREFIX}:local`;

export function containerName(stack: string, node: string): string {
  return `${stack}-${node}`;
}

/** The node of the YAML file whose container this is. */
export function nodeOfContainer<T extends { readonly name: string }>(
  { name: stack, nodes }: { readonly name: string; readonly nodes: readonly T[] },
  container: string,
): T | undefined {
  return nodes.find(({ name }) => containerName(stack, name) === container);
}

export function volumeName(stack: string, node: string): string {
  return `${stack}-${node}-data`;
}

/**
 * The id under which a node enters a new cluster: 40 hexadecimal digits, as Redis wants them. It follows from the names,
 * so that two runs that prepare the same cluster, or a run and the one that finishes it, write the same node tables.
 */
export function initialNodeId(stack: string, node: string): string {
  return createHash('sha1').update(`${PREFIX}/${stack}/${node}`).digest('hex');
}

/** Begins the name of a label that is for people's eyes only: a container that was made without it is as good. */
export const COMPOSE = 'com.docker.compose.';

/** Labels by which Docker Desktop and `docker compose ls` group the stack. */
export function composeLabels(
  stack: string,
  resource: { service: string; file: string } | { network: string } | { volume: string },
): Record<string, string> {
  const project = { [`${COMPOSE}project`]: stack };
  if ('network' in resource) return { ...project, [`${COMPOSE}network`]: resource.network };
  if ('volume' in resource) return { ...project, [`${COMPOSE}volume`]: resource.volume };
  return {
    ...project,
    [`${COMPOSE}project.config_files`]: resource.file,
    // Compose lists no container without one, and compares it with nothing but its own.
    [`${COMPOSE}config-hash`]: PREFIX,
    [`${COMPOSE}service`]: resource.service,
    [`${COMPOSE}container-number`]: '1',
    [`${COMPOSE}oneoff`]: 'False',
  };
}

/** Whether a thing is of this stack, by its label: a name alone may be somebody else's. */
export function isOwn(stack: string): (thing: { readonly labels: Readonly<Record<string, string>> }) => boolean {
  return ({ labels }) => labels[LABELS.stack] === stack;
}

/** Of what a thing is made from, to see when that has changed. */
export function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 32);
}
