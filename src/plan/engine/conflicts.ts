import type { FailureCode } from '../../errors.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { loopbackAddress, overlaps, parseBlock } from '../../spec/addresses.ts';
import { isSamePort } from '../model/host-ports.ts';
import { LABELS, LOCAL_IMAGE, isOwn } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Container, ContainerDefinition, Network, HostPort } from '../model/resources.ts';
import { networkGuests } from './plan-down.ts';

/** Something of somebody else's that stands in the way: found before anything is made, and left alone. */
export interface Conflict {
  readonly code: FailureCode;
  readonly message: string;
  readonly hint: Hint;
  /** See StackError. */
  readonly isPassing?: boolean;
}

export function findConflicts(stack: string, wanted: Wanted, observed: Observed): Conflict[] {
  return [
    ...foreignNames(stack, wanted, observed),
    ...overlappingNetworks(stack, wanted, observed),
    ...guestsOnNetworks(stack, wanted, observed),
    ...takenPorts(stack, wanted, observed),
    ...takenAddresses(stack, wanted, observed),
    ...membersOnNetworks(stack, wanted, observed),
    ...renamedNodes(wanted, observed),
    ...emptyPrimaries(stack, wanted, observed),
    ...standIns(stack, wanted, observed),
    ...strayData(stack, wanted, observed),
  ];
}

type Labelled = { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly host?: string };

function foreignNames(stack: string, { network, containers }: Wanted, observed: Observed): Conflict[] {
  const wantedContainers = [...containers.values()];
  const foreign = (things: readonly Labelled[], names: readonly string[]): Labelled[] =>
    things.filter((thing) => names.includes(thing.name) && !isOwn(stack)(thing));
  const conflict = (kind: string, { name, labels, host }: Labelled, rename: string): Conflict => {
    const owner = labels[LABELS.stack] ?? labels['com.docker.compose.project'];
    const whose = owner === undefined ? 'was not made by this program' : `belongs to the stack '${owner}'`;
    return {
      code: 'NAME_TAKEN',
      message: `the ${kind} ${name} exists${host === undefined ? '' : ` on host ${host}`} and ${whose}; it is left alone`,
      hint: `Choose another ${rename} in the YAML file, or remove the ${kind} if nobody needs it.`,
    };
  };
  const containerNames = wantedContainers.map(({ name }) => name);
  const volumeNames = wantedContainers.map(({ volume }) => volume.name);
  return [
    ...foreign(observed.networks, [network.name]).map((one) => conflict('network', one, 'network.name')),
    ...foreign(observed.containers, containerNames).map((one) => conflict('container', one, 'name')),
    ...foreign(observed.volumes, volumeNames).map((one) => conflict('volume', one, 'name')),
  ];
}

function overlappingNetworks(stack: string, { network }: Wanted, { networks }: Observed): Conflict[] {
  const own = parseBlock(network.subnet);
  return (
    networks
      // Our own under a former name goes anyway.
      .filter((other) => other.name !== network.name && !isOwn(stack)(other))
      .flatMap(({ name, subnets, host }) =>
        subnets
          .filter((subnet) => {
            const other = parseBlock(subnet);
            return own !== undefined && other !== undefined && overlaps(own, other);
          })
          .map((subnet): Conflict => ({
            code: 'SUBNET_OVERLAP',
            message: `the subnet ${network.subnet} overlaps ${subnet} of the network ${name}${host === undefined ? '' : ` on host ${host}`}`,
            hint: `Choose another network.subnet in the YAML file, or remove the network: docker network rm ${name}`,
          })),
      )
  );
}

/** A network that has to go, because it was changed or renamed, while somebody else's container is on it. */
function guestsOnNetworks(stack: string, wanted: Wanted, observed: Observed): Conflict[] {
  return outdatedNetworks(stack, wanted, observed)
    .flatMap((network) => networkGuests(stack, network, observed).map((guest) => ({ name: network.name, guest })))
    .map(({ name, guest }) => ({
      code: 'NETWORK_IN_USE' as const,
      message: `the network ${name} has to be recreated, but the container ${guest} is on it`,
      hint: `docker network disconnect ${name} ${guest}   # and connect it again after the up`,
    }));
}

function outdatedNetworks(stack: string, { network }: Wanted, { networks }: Observed): Network[] {
  return networks
    .filter(isOwn(stack))
    .filter(
      ({ name, labels }) => name !== network.name || labels[LABELS.definition] !== network.labels[LABELS.definition],
    );
}

function takenPorts(stack: string, { containers, proxy }: Wanted, observed: Observed): Conflict[] {
  const wanted: readonly (PortOwner & { readonly ports: readonly HostPort[] })[] = [
    ...containers.values(),
    { name: PROXY_NAME, ports: proxy?.addresses ?? [] },
  ];
  const others = observed.containers.filter(
    (container) => !isOwn(stack)(container) && HOLDING_PORTS.has(container.state),
  );
  return wanted.flatMap((definition) =>
    definition.ports.flatMap((wantedPort) => {
      const holder = others.find(
        ({ ports, host }) => host === definition.host && ports.some((port) => isSamePort(port, wantedPort)),
      );
      if (holder === undefined) return [];
      return [portConflict(definition, wantedPort, `the container ${holder.name}`)];
    }),
  );
}

/** As messages call it. */
export const PROXY_NAME = 'the proxy';

const HOLDING_PORTS: ReadonlySet<string> = new Set(['running', 'paused', 'restarting']);

/** A container, or the proxy, which is on no network. */
export type PortOwner = Pick<ContainerDefinition, 'name'> & Partial<Pick<ContainerDefinition, 'network' | 'host'>>;

export function portConflict(
  { name, network }: PortOwner,
  { hostAddress, hostPort }: HostPort,
  holder: string,
): Conflict {
  const isByName = network !== undefined && hostAddress === loopbackAddress(network.address);
  return {
    code: 'PORT_TAKEN',
    message: `host port ${hostAddress}:${hostPort}, which ${name} is to have, is held by ${holder}`,
    hint: isByName
      ? 'Stop the holder, or set another access in the YAML file: by its name, a node has the port that it has inside.'
      : 'Stop the holder, or choose another port in the YAML file under redis.nodes.<node>.ports.',
  };
}

function takenAddresses(stack: string, { network, containers }: Wanted, observed: Observed): Conflict[] {
  const others = observed.containers.filter((container) => !isOwn(stack)(container));
  return [...containers.values()].flatMap((definition) => {
    const { address } = definition.network;
    // Of a network that is each host's own, another one's address is another.
    const isHere = ({ host }: Container): boolean => network.driver === 'overlay' || host === definition.host;
    const holder = others.find((one) => isHere(one) && one.addresses[network.name] === address);
    if (holder === undefined) return [];
    return [
      {
        code: 'ADDRESS_TAKEN' as const,
        message: `the address ${address}, which ${definition.name} is to have, is held by the container ${holder.name}`,
        hint: `Choose another ip in the YAML file, or free it: docker network disconnect ${network.name} ${holder.name}`,
      },
    ];
  });
}

/** A node that has to leave the cluster first needs the network on which the others find it. */
function membersOnNetworks(stack: string, wanted: Wanted, observed: Observed): Conflict[] {
  if (outdatedNetworks(stack, wanted, observed).length === 0) return [];
  return observed.members.map((name) => ({
    code: 'NETWORK_IN_USE' as const,
    message: `${name} is not in the YAML file any more and has to leave the cluster first, but its network is to be recreated`,
    hint: hint`Put network back as it was in the YAML file, then: ${run('up')}   # change it afterwards; nothing was changed`,
  }));
}

/** A node that is to have what one has that still has to leave the cluster: as a rule it was renamed. */
function renamedNodes({ containers }: Wanted, { containers: present, members }: Observed): Conflict[] {
  const leaving = present.filter(({ name }) => members.includes(name));
  return [...containers.values()].flatMap((definition) => {
    const holder = leaving.find(
      ({ addresses, ports }) =>
        Object.values(addresses).includes(definition.network.address) ||
        ports.some((held) => definition.ports.some((port) => isSamePort(port, held))),
    );
    if (holder === undefined || holder.name === definition.name) return [];
    return [
      {
        code: 'ADDRESS_TAKEN' as const,
        message: `${definition.name} is to have the address or a port of ${holder.name}, which is not in the YAML file any more but still of the cluster`,
        hint: 'A node keeps its name as long as it holds data: put the old name back, or give the new node an ip and ports of its own.',
      },
    ];
  });
}

/** Its copy would take over, and be older than what lies in that volume. */
function emptyPrimaries(stack: string, { containers }: Wanted, { copies, volumes }: Observed): Conflict[] {
  const wanted = new Set([...containers.values()].map(({ volume }) => volume.name));
  const other = volumes.filter(isOwn(stack)).find(({ name }) => !wanted.has(name));
  if (other === undefined) return [];
  return [...copies.keys()].map((node) => ({
    code: 'DATA_AT_RISK' as const,
    message: `${node} would start without data at an address that others copy, and the volume ${other.name} of a node that is not in the YAML file may hold that data`,
    hint: `Was it renamed? Put the old name back. If the data of ${other.name} is not needed: docker volume rm ${other.name}`,
  }));
}

/** A stand-in may be an older Redis, which could not read the newer one's data. */
function standIns(stack: string, { isStandIn }: Wanted, { containers }: Observed): Conflict[] {
  const others = containers.filter(isOwn(stack)).filter(({ labels }) => labels[LABELS.image] !== LOCAL_IMAGE);
  const [first] = isStandIn ? others : [];
  if (first === undefined) return [];
  const image = first.labels[LABELS.image] ?? 'another image';
  return [
    {
      code: 'IMAGE_UNAVAILABLE',
      message: `${first.name} was made from ${image}, which is not on this engine any more; the local image does not take its place`,
      hint: `docker pull ${image}`,
    },
  ];
}

/** A container of ours that somebody recreated without its volume: what it has written since would go with it. */
function strayData(stack: string, { containers }: Wanted, observed: Observed): Conflict[] {
  const own = new Set(observed.containers.filter(isOwn(stack)).map(({ name }) => name));
  return [...containers.values()].flatMap(({ name, volume }): Conflict[] => {
    const settings = observed.settings.get(name);
    if (settings === undefined || !own.has(name)) return [];
    const source = settings.mounts.find(({ path }) => path === volume.path)?.source;
    if (source === volume.name) return [];
    const where = source === undefined ? 'inside of itself' : `in ${source}`;
    return [
      {
        code: 'DATA_AT_RISK',
        message: `${name} keeps its data ${where} instead of the volume ${volume.name}; it is left alone`,
        hint: `docker rm ${name}   # after a stop, if nobody needs what it holds: what is in ${volume.name} is used again`,
      },
    ];
  });
}
