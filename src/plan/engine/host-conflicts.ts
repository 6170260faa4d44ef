import { list } from '../../cluster/findings/finding.ts';
import { hint, run, type Hint } from '../../hint.ts';
import type { HostSpec, Spec } from '../../spec/spec.ts';
import { isOwn, LABELS } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Swarm } from '../model/resources.ts';
import type { Conflict } from './conflicts.ts';

/** What a node has left on another host than its own: moved there, it would begin without its data. */
export function findAstray(stack: string, { containers }: Wanted, observed: Observed): Conflict[] {
  const things = [
    ...observed.containers.map((one) => ({ ...one, kind: 'container' })),
    ...observed.volumes.map((one) => ({ ...one, kind: 'volume' })),
  ];
  return things.filter(isOwn(stack)).flatMap(({ kind, name, labels, host = '' }): Conflict[] => {
    const node = labels[LABELS.node] ?? '';
    const wanted = containers.get(node)?.host;
    if (wanted === undefined || host === wanted) return [];
    return [
      {
        code: 'DATA_AT_RISK',
        message: `the ${kind} ${name} is on the host ${host}, and the YAML file has ${node} on ${wanted}: a node can't move with its data yet`,
        hint: hint`Set redis.nodes.${node}.host: ${host} in the YAML file, then: ${run('up')}`,
      },
    ];
  });
}

/** `the hosts b and c do not answer` */
export function absenceText(away: ReadonlySet<string>): string {
  return away.size === 1
    ? `the host ${[...away].join('')} does not answer`
    : `the hosts ${list([...away])} do not answer`;
}

/** What can't be done without a host that is away, where nothing has been made yet. */
export function findAbsence(spec: Spec, { away, containers }: Observed): Conflict[] {
  if (away.size === 0 || containers.some(isOwn(spec.name))) return [];
  return [
    {
      code: 'ENGINE_UNREACHABLE',
      message: `${absenceText(away)}, and ${spec.name} begins with all its hosts; nothing was changed`,
      hint: hint`Start it, then: ${run('up')}`,
    },
  ];
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
      case 'locked':
        return [swarmConflict(host, 'is locked out of its Docker Swarm', `docker -H ${host.engine} swarm unlock`)];
      default:
        return [swarmConflict(host, 'is in no Docker Swarm', joining(manager?.host))];
    }
  });
  if (outside.length > 0) return outside;
  if (manager === undefined) {
    const isLeaderless = present.some(({ swarm }) => swarm.isManager);
    const message = isLeaderless
      ? 'the managers of the swarm have no leader: most of them are away'
      : 'none of the hosts that answer is a manager of the swarm';
    const next = isLeaderless
      ? 'Start the others. Nodes that run go on meanwhile.'
      : 'docker node promote NODE   # on a manager, for one of the hosts';
    // After a loss of power they elect one in seconds.
    return [
      {
        code: 'ENGINE_FAILED',
        message: `${message}; nothing was changed`,
        hint: next,
        isPassing: isLeaderless && present.length === hosts.length,
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
