import { contains, parseBlock } from './addresses.ts';
import type { Finding, Path, SpecDocument } from './schema.ts';
import { assignRoles, toSpec, type NodeSpec, type Spec } from './spec.ts';

/**
 * The checks of a stack on several hosts: what it needs, what can't be yet, and which node may be where.
 *
 * @param areRolesKnown the nodes can be divided into primaries and replicas
 */
export function checkHosts(document: SpecDocument, areRolesKnown: boolean): Finding[] {
  const { hosts, network, redis } = document;
  const nodes = Object.entries(redis.nodes);
  if (hosts === undefined) {
    return [
      ...(network.driver === 'overlay'
        ? [finding(['network', 'driver'], 'an overlay network is for nodes on several hosts', 'name them under hosts')]
        : []),
      ...(network.announce === undefined
        ? []
        : [finding(['network', 'announce'], 'announce: host is for nodes on several hosts', 'name them under hosts')]),
      ...nodes.flatMap(([name, { host }]) =>
        host === undefined ? [] : [finding(hostOf(name), `there is no host ${host}`, 'name it under hosts')],
      ),
    ];
  }
  const known = Object.keys(hosts).join(', ');
  const astray = nodes.flatMap(([name, { host }]) => {
    if (host === undefined)
      return [finding(['redis', 'nodes', name], 'host is missing: all nodes have one, or none', `one of ${known}`)];
    return Object.hasOwn(hosts, host) ? [] : [finding(hostOf(name), `there is no host ${host}`, `known: ${known}`)];
  });
  return [
    ...checkSurroundings(document),
    ...(network.announce === undefined ? [] : checkAnnounced(document, hosts)),
    ...checkOperators(document),
    ...repeated(hosts, 'engine'),
    ...repeated(hosts, 'address'),
    ...astray,
    ...(astray.length === 0 && areRolesKnown ? checkPlacement(toSpec(document)?.nodes ?? []) : []),
  ];
}

function checkSurroundings({ network, redis, access }: SpecDocument): Finding[] {
  const isOverlay = network.driver === 'overlay';
  const isAnnounced = network.announce !== undefined;
  return [
    ...(isOverlay || isAnnounced
      ? []
      : [
          finding(
            ['network'],
            'nodes on several hosts have to reach each other',
            'set driver: overlay, or announce: host',
          ),
        ]),
    ...(access === 'names'
      ? [finding(['access'], 'by its name, only one node of a host could be reached', 'leave it out, or set proxy')]
      : []),
    ...(isOverlay && isAnnounced
      ? [
          finding(
            ['network', 'announce'],
            'on an overlay network the nodes reach each other at their own addresses',
            'leave out announce or driver',
          ),
        ]
      : []),
    ...(redis.bind === '127.0.0.1'
      ? []
      : [finding(['redis', 'bind'], "each node is published at its host's address", 'leave it out')]),
  ];
}

/** What the nodes need where the others reach them through their hosts. */
function checkAnnounced({ network, redis }: SpecDocument, hosts: NonNullable<SpecDocument['hosts']>): Finding[] {
  const subnet = parseBlock(network.subnet);
  const inside = Object.entries(hosts).filter(([, { address }]) => subnet !== undefined && contains(subnet, address));
  return [
    ...inside.map(([name, { address }]) =>
      finding(
        ['hosts', name, 'address'],
        `${address} is inside ${network.subnet}: from their network, the nodes would not reach the host`,
        'take another network.subnet',
      ),
    ),
    ...Object.entries(redis.nodes).flatMap(([name, { ports }]) =>
      ports.bus === undefined
        ? [
            finding(
              ['redis', 'nodes', name, 'ports'],
              'bus is missing: the other nodes reach it there',
              'add bus: 16379, or another port',
            ),
          ]
        : [],
    ),
  ];
}

/** Several machines have several operators: what only one of them has would keep the others from it, or be made anew by each. */
function checkOperators({ secrets, tls }: SpecDocument): Finding[] {
  if (secrets.shared !== undefined) return [];
  const shared = 'name a folder that all who operate it share with secrets.shared';
  if (secrets.provider === 'generated') {
    const message = 'the password would be a file of one machine, and a stack on several hosts has several operators';
    return [finding(['secrets'], message, `${shared}, or set provider: vault`)];
  }
  if (tls.issuer !== 'private' || tls.enabled === false) return [];
  const message = 'Vault has the password, and the certificate authority would be a file of one machine';
  return [finding(['tls'], message, `${shared}, or set issuer: vault`)];
}

function repeated(hosts: NonNullable<SpecDocument['hosts']>, key: 'engine' | 'address'): Finding[] {
  const holders = new Map<string, string>();
  return Object.entries(hosts).flatMap(([name, host]) => {
    const other = holders.get(host[key]);
    holders.set(host[key], other ?? name);
    if (other === undefined) return [];
    return [finding(['hosts', name, key], `${host[key]} is used twice: ${other} has it too`, 'give each its own')];
  });
}

/**
 * Of `hosts`, one for each node without one that is to stand at the end of the YAML file: the host with the fewest nodes
 * that the rules allow.
 */
export function chooseHosts(
  { nodes, redis }: Spec,
  added: readonly Pick<NodeSpec, 'name' | 'host'>[],
  hosts: readonly string[],
): ReadonlyMap<string, string> {
  const chosen = new Map<string, string>();
  const placed = (more: readonly (readonly [string, string])[] = []): Placed[] => {
    const known = new Map([...chosen, ...more]);
    const last = added.map(({ name, host }) => ({ name, host: host ?? known.get(name) }));
    return assignRoles([...nodes.map(({ name, host }) => ({ name, host })), ...last], redis.replicas);
  };
  for (const { name } of added.filter((one) => one.host === undefined)) {
    const load = (host: string): number => placed().filter((node) => node.host === host).length;
    const isAllowed = (host: string): boolean =>
      checkPlacement(placed([[name, host]])).length <= checkPlacement(placed()).length;
    const byLoad = hosts.toSorted((one, other) => load(one) - load(other));
    // Where none is allowed, the check of the file says why.
    const host = byLoad.find(isAllowed) ?? byLoad[0];
    if (host !== undefined) chosen.set(name, host);
  }
  return chosen;
}

type Placed = Pick<NodeSpec, 'name' | 'host' | 'initialRole' | 'initialPrimary'>;

/** What is lost with a host must not be more than the others can go on without. */
function checkPlacement(nodes: readonly Placed[]): Finding[] {
  // One that is emptied stays in the file until it is.
  const hostCount = new Set(nodes.map(({ host }) => host)).size;
  const primaries = nodes.filter(({ initialRole }) => initialRole === 'primary');
  const together = nodes.flatMap(({ name, host = '', initialPrimary }) => {
    const primary = nodes.find((one) => one.name === initialPrimary && one.host === host);
    if (primary === undefined) return [];
    const message = `${name} is the replica of ${primary.name}, and on the same host ${host}: both would be lost at once`;
    return [finding(hostOf(name), message, 'put one of them on another host')];
  });
  const most = primaries.flatMap(({ name, host = '' }, index) => {
    const before = primaries.slice(0, index + 1).filter((one) => one.host === host).length;
    const isFirstTooMany = before === Math.floor(primaries.length / 2) + 1;
    if (hostCount < 3 || !isFirstTooMany) return [];
    const count = primaries.filter((one) => one.host === host).length;
    const message = `${host} has ${count} of the ${primaries.length} primaries: without it the others can't agree on who takes over`;
    return [finding(hostOf(name), message, 'put primaries, which come first, on other hosts')];
  });
  return [...together, ...most];
}

function hostOf(node: string): Path {
  return ['redis', 'nodes', node, 'host'];
}

function finding(path: Path, message: string, hint: string): Finding {
  return { path, message, hint };
}
