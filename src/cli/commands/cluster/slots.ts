import { countSlots, formatRange } from '../../../cluster/slots/slots.ts';
import { isReachable } from '../../../cluster/nodes/view.ts';
import type { Command } from '../../core/command.ts';
import { slotPicture } from '../../views/slot-picture.ts';
import { isLively, painter } from '../../core/terminal.ts';
import { table } from '../../views/table.ts';

export const clusterSlots: Command = {
  name: 'cluster slots',
  summary: 'who owns which of the 16384 slots; on a terminal as a picture, too',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { readNodes } = await import('../../../stack/observe/observe-nodes.ts');
    const nodes = await readNodes(session);
    const views = nodes.map(({ view }) => view).filter(isReachable);
    const owned = views
      .flatMap(({ name, table: { myself } }) => myself.slots.map((range) => ({ ...range, name, id: myself.id })))
      .toSorted((one, other) => one.start - other.start);
    const replicasOf = (id: string): string[] =>
      views.filter(({ table: { myself } }) => myself.primaryId === id).map(({ name }) => name);
    if (json) {
      const slots = owned.map(({ start, end, name, id }) => ({ start, end, owner: name, replicas: replicasOf(id) }));
      terminal.stdout.write(
        `${JSON.stringify({ stack: session.spec.name, assigned: countSlots(owned), slots }, null, 2)}\n`,
      );
      return views.length === nodes.length ? 0 : 1;
    }
    const rows = owned.map((range) => [
      formatRange(range),
      String(countSlots([range])),
      range.name,
      replicasOf(range.id).join(' '),
    ]);
    terminal.stdout.write(`${await table(['slots', 'count', 'owner', 'replicas'], rows)}\n`);
    if (isLively(terminal.stdout, terminal.env)) {
      terminal.stdout.write(`\n${slotPicture(owned, painter(terminal.stdout, terminal.env))}`);
    }
    return views.length === nodes.length ? 0 : 1;
  },
};
