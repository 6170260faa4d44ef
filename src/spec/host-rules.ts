import type { Finding, Path, SpecDocument } from './schema.ts';
import { toSpec, type NodeSpec } from './spec.ts';

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
    ...repeated(hosts, 'engine'),
    ...repeated(hosts, 'address'),
    ...astray,
    ...(astray.length === 0 && areRolesKnown
      ? checkPlacement(toSpec(document)?.nodes ?? [], Object.keys(hosts).length)
      : []),
  ];
}

function checkSurroundings({ network, redis, access }: SpecDocument): Finding[] {
  return [
    ...(network.driver === 'overlay'
      ? []
      : [
          finding(['network'], 'nodes on several hosts need a network that reaches all of them', 'set driver: overlay'),
        ]),
    ...(access === 'map'
      ? []
      : [finding(['access'], `${access} is not possible with several hosts yet`, 'leave it out')]),
    ...(redis.bind === '127.0.0.1'
      ? []
      : [finding(['redis', 'bind'], "each node is published at its host's address", 'leave it out')]),
  ];
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

/** What is lost with a host must not be more than the others can go on without. */
function checkPlacement(nodes: readonly NodeSpec[], hostCount: number): Finding[] {
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
