import { isReachable, type NodeView, type ReachableView } from '../../../cluster/nodes/view.ts';
import { countSlots, formatRange } from '../../../cluster/slots/slots.ts';
import type { Session } from '../../../stack/session/session.ts';
import type { Command, Invocation } from '../../core/command.ts';
import { COLUMN, nodesAsJson, replicasOf, showNodes } from '../../views/cluster.ts';
import { slotPicture } from '../../views/slot-picture.ts';

export const clusterInfo: Command = {
  name: 'cluster info',
  summary: 'what every node says of the cluster: CLUSTER INFO of all, side by side',
  run: async (invocation) => {
    const { session, views, reachable, exitCode } = await readAll(invocation);
    return {
      data: { stack: session.spec.name, nodes: nodesAsJson(session, reachable) },
      show: (screen) =>
        showNodes(screen, views, [
          ['state', ({ info }) => info.state],
          ['assigned', ({ info }) => String(info.slotsAssigned)],
          ['ok', ({ info }) => String(info.slotsOk)],
          ['known nodes', ({ info }) => String(info.knownNodes)],
          ['primaries', ({ info }) => String(info.size)],
          ['epoch', ({ info }) => String(info.currentEpoch)],
          ['own epoch', ({ info }) => String(info.ownEpoch)],
          COLUMN.keys,
          COLUMN.memory,
        ]),
      exitCode,
    };
  },
};

export const clusterNodes: Command = {
  name: 'cluster nodes',
  summary: 'who is in the cluster: role, replicas, slots, keys, memory, links, ids',
  run: async (invocation) => {
    const { session, views, reachable, exitCode } = await readAll(invocation);
    return {
      data: { stack: session.spec.name, nodes: nodesAsJson(session, reachable) },
      show: async (screen) => {
        const { role, slotCount, replicas, keys, memory, links, epoch, address, id } = COLUMN;
        await showNodes(screen, views, [role, slotCount, replicas, keys, memory, links, epoch, address, id]);
        if (exitCode === 0) for (const stranger of strangers(reachable)) screen.line(stranger);
      },
      exitCode,
    };
  },
};

export const clusterSlots: Command = {
  name: 'cluster slots',
  summary: 'who owns which of the 16384 slots; on a terminal as a picture, too',
  run: async (invocation) => {
    const { session, reachable, exitCode } = await readAll(invocation);
    const slots = reachable
      .flatMap(({ name, table: { myself } }) =>
        myself.slots.map(({ start, end }) => ({ start, end, owner: name, replicas: replicasOf(myself.id, reachable) })),
      )
      .toSorted((one, other) => one.start - other.start);
    return {
      data: { stack: session.spec.name, assigned: countSlots(slots), slots },
      show: async ({ table, line, isLively, paint }) => {
        const rows = slots.map(({ owner, replicas, ...range }) => [
          formatRange(range),
          String(countSlots([range])),
          owner,
          replicas.join(' '),
        ]);
        await table(['slots', 'count', 'owner', 'replicas'], rows);
        if (isLively) line(`\n${slotPicture(slots, paint).trimEnd()}`);
      },
      exitCode,
    };
  },
};

interface Answers {
  readonly session: Session;
  readonly views: readonly NodeView[];
  readonly reachable: readonly ReachableView[];
  /** 1 where a node does not answer. */
  readonly exitCode: number;
}

async function readAll({ openSession }: Invocation): Promise<Answers> {
  const session = await openSession();
  const { readNodes } = await import('../../../stack/observe/observe-nodes.ts');
  const views = (await readNodes(session)).map(({ view }) => view);
  const reachable = views.filter(isReachable);
  return { session, views, reachable, exitCode: reachable.length === views.length ? 0 : 1 };
}

/** Nodes that somebody knows and that are none of the YAML file's. */
function strangers(views: readonly ReachableView[]): string[] {
  const own = new Set(views.map(({ table: { myself } }) => myself.id));
  return views.flatMap(({ name, table: { rows } }) =>
    rows
      .filter(({ id }) => !own.has(id))
      .map(
        ({ id, ip, port, flags }) =>
          `${name} also knows ${id} at ${ip || 'no address'}:${port} (${[...flags].join(',')})`,
      ),
  );
}
