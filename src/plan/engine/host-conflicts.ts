import { list } from '../../cluster/findings/finding.ts';
import { hint, run, type Hint } from '../../hint.ts';
import type { HostSpec, Spec } from '../../spec/spec.ts';
import { bytesText, countText, durationText } from '../../units.ts';
import { isOwn } from '../model/names.ts';
import type { Observed } from '../model/observed.ts';
import type { Swarm } from '../model/resources.ts';
import type { Conflict } from './conflicts.ts';

/** Nodes that are all found at other addresses from one moment to the next lose each other: first they all end. */
export function findOtherNetwork({ name, network, hosts }: Spec, { networks }: Observed): Conflict[] {
  const isOverlay = network.driver === 'overlay';
  const other = networks.filter(isOwn(name)).find(({ isSwarmWide = false }) => isSwarmWide !== isOverlay);
  if (hosts.length === 0 || other === undefined) return [];
  const [is, wanted] = isOverlay ? ['announce: host', 'driver: overlay'] : ['driver: overlay', 'announce: host'];
  return [
    {
      code: 'NETWORK_IN_USE',
      message: `${name} runs with ${is}, and the YAML file says ${wanted}: its nodes can't change to that while they run; nothing was changed`,
      hint: hint`${run('down')}   # every key stays; then: ${run('up')}`,
    },
  ];
}

/** `the hosts b and c do not answer` */
export function absenceText(away: Pick<ReadonlySet<string>, 'keys'>): string {
  const names = [...away.keys()];
  return `the ${names.length === 1 ? 'host' : 'hosts'} ${list(names)} ${names.length === 1 ? 'does' : 'do'} not answer`;
}

/** What can't be done without a host that is away, where nothing has been made yet. */
export function findAbsence(spec: Spec, { away, containers }: Observed): Conflict[] {
  if (away.size === 0 || containers.some(isOwn(spec.name))) return [];
  return [
    {
      code: 'ENGINE_UNREACHABLE',
      message: `${absenceText(away)}, and ${spec.name} begins with all its hosts; nothing was changed`,
      hint: absenceHint(away, run('up')),
    },
    ...[...away.values()].map(({ message }): Conflict => ({ code: 'ENGINE_UNREACHABLE', message, hint: '' })),
  ];
}

/** What to do about the first of them, and then. */
export function absenceHint(away: Observed['away'], next: Hint): Hint {
  const [first] = away.values();
  return first?.hint ?? hint`Start it, then: ${next}`;
}

/**
 * What keeps hosts from one overlay network. Each of these the engine itself would say after 20 seconds, and all of them in
 * the same words.
 */
export function findSwarmConflicts({ hosts }: Pick<Spec, 'hosts'>, swarms: ReadonlyMap<string, Swarm>): Conflict[] {
  const present = hosts.flatMap((host) => {
    const swarm = swarms.get(host.name);
    return swarm === undefined ? [] : [{ host, swarm }];
  });
  const manager = present.find(({ swarm }) => swarm.nodes.length > 0);
  const outside = present.flatMap(({ host, swarm: { state } }): Conflict[] => {
    switch (state) {
      case 'active':
        return [];
      case 'pending':
        return [{ ...swarmConflict(host, 'is just coming back to its Docker Swarm', run('up')), isPassing: true }];
      case 'unknown':
        return [
          swarmConflict(host, 'has Podman, which knows no Docker Swarm', 'Install Docker there, or name other hosts.'),
        ];
      case 'locked':
        return [swarmConflict(host, 'is locked out of its Docker Swarm', `docker -H ${host.engine} swarm unlock`)];
      default:
        return [swarmConflict(host, 'is in no Docker Swarm', joining(manager?.host))];
    }
  });
  if (outside.length > 0) return outside;
  if (manager === undefined) {
    const away = hosts.filter(({ name }) => !swarms.has(name)).map(({ name }) => name);
    const isLeaderless = present.some(({ swarm }) => swarm.isManager);
    const message = isLeaderless
      ? 'the managers of the swarm have no leader: most of them are away'
      : `none of the hosts${away.length > 0 ? ' that answer' : ''} is a manager of the swarm`;
    const lost = away.length > 0 ? `${absenceText(new Set(away))}, and ` : '';
    // Without one, no container gets onto the network.
    const back = hint`Start ${isLeaderless ? 'the other managers' : list(away)}, then: ${run('up')}   # nodes that run go on meanwhile`;
    return [
      {
        code: 'ENGINE_FAILED',
        message: `${lost}${message}: no container can start; nothing was changed`,
        hint:
          isLeaderless || away.length > 0 ? back : 'docker node promote NODE   # on a manager, for one of the hosts',
        // After a loss of power they elect one in seconds.
        isPassing: isLeaderless && away.length === 0,
      },
    ];
  }
  return present.flatMap(({ host, swarm }) => {
    const node = manager.swarm.nodes.find(({ id }) => id === swarm.nodeId);
    if (node === undefined)
      return [swarmConflict(host, `is in another swarm than ${manager.host.name}`, joining(manager.host, true))];
    return node.isAvailable
      ? []
      : [
          swarmConflict(
            host,
            'is paused or drained in the swarm',
            `docker -H ${manager.host.engine} node update --availability active ${node.id}`,
          ),
        ];
  });
}

function swarmConflict({ name, engine }: HostSpec, what: string, next: Hint): Conflict {
  return {
    code: 'ENGINE_FAILED',
    message: `the host ${name} (${engine}) ${what}; nothing was changed`,
    hint: next,
  };
}

function joining(manager: HostSpec | undefined, leavesFirst = false): string {
  const leave = leavesFirst ? ', after: docker swarm leave' : '';
  return manager === undefined
    ? 'docker swarm init --advertise-addr ADDRESS   # on one of the hosts; it prints what to run on the others'
    : `docker -H ${manager.engine} swarm join-token manager   # prints what to run on that host${leave}`;
}

/** What makes a swarm less safe than its hosts are; undefined where nothing does. */
export function findSwarmWarning(swarms: ReadonlyMap<string, Swarm>): string | undefined {
  const nodes = [...swarms.values()].find((swarm) => swarm.nodes.length > 0)?.nodes ?? [];
  const managers = nodes.filter(({ isManager }) => isManager).length;
  if (managers === 0 || (managers >= 3 && managers % 2 === 1)) return undefined;
  return `the swarm has ${managers === 1 ? 'one manager' : `${managers} managers`}: with three or five, one may be lost; without a majority of them no container can start`;
}

/** Nodes that would fill more than the memory of their host: known before the first of them is made there. */
export function findMemoryConflicts(
  spec: Spec,
  swarms: ReadonlyMap<string, Swarm>,
  { containers }: Observed,
): Conflict[] {
  const own = containers.filter(isOwn(spec.name));
  return spec.hosts.flatMap(({ name }): Conflict[] => {
    const memoryBytes = swarms.get(name)?.memoryBytes ?? 0;
    const nodes = spec.nodes.filter(({ host }) => host === name).map((node) => node.name);
    const wantedBytes = nodes.length * spec.redis.maxmemoryBytes;
    if (memoryBytes === 0 || wantedBytes <= memoryBytes || own.some(({ host }) => host === name)) return [];
    return [
      {
        code: 'ENGINE_FAILED',
        message: `the host ${name} has ${bytesText(memoryBytes)} of memory, and ${list(nodes)} may fill ${bytesText(wantedBytes)}; nothing was changed`,
        hint: 'Lower redis.maxmemory and redis.memory in the YAML file, or give nodes another host.',
      },
    ];
  });
}

/** Further apart, people who read logs of two hosts side by side are misled. */
const MOST_APART_MS = 5000;

/** What a host has that nodes can live with, and people should know. */
export function findHostWarnings(spec: Spec, swarms: ReadonlyMap<string, Swarm>): { text: string; hint: Hint }[] {
  return spec.hosts.flatMap(({ name }) => {
    const { memoryBytes = 0, clockAheadMs = 0 } = swarms.get(name) ?? {};
    const count = spec.nodes.filter(({ host }) => host === name).length;
    const limitBytes = count * spec.redis.memoryBytes;
    const side = clockAheadMs > 0 ? 'ahead of' : 'behind';
    const lateness = `${durationText(Math.abs(clockAheadMs))} ${side}`;
    return [
      ...(memoryBytes > 0 && limitBytes > memoryBytes
        ? [
            {
              text: `the host ${name} has ${bytesText(memoryBytes)} of memory, and its ${countText(count, 'container')} may take ${bytesText(limitBytes)}: the kernel ends one that asks for what is not there`,
              hint: hint`Lower redis.memory in the YAML file, then: ${run('up')}`,
            },
          ]
        : []),
      ...(Math.abs(clockAheadMs) > MOST_APART_MS
        ? [
            {
              text: `the clock of the host ${name} is ${lateness} this machine's: a certificate may not be valid there yet, or not any more, and logs of two hosts can't be compared`,
              hint: 'sudo timedatectl set-ntp true   # on both',
            },
          ]
        : []),
    ];
  });
}
