import type { NodeRow } from './node-table.ts';
import type { ReachableView } from './view.ts';

/**
 * What is still to be settled of the primaries' config epochs, as sentences. Of two claims to a slot the one with the higher
 * epoch stands. Two primaries with one epoch settle that by themselves: one of them takes a higher one, at any moment. If
 * that were the source of a slot that has just changed hands, the target would hear of a stronger claim to it, give it
 * back, and delete its keys, while the source has given it away. The same may happen where the target hasn't heard yet
 * which epoch the source has. So no slot moves before there is nothing left here.
 */
export function findUnsettledEpochs(views: readonly ReachableView[]): string[] {
  const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
  return primaries.flatMap(({ name, table: { myself } }) => [
    ...primaries
      .filter((other) => other.name > name && other.table.myself.configEpoch === myself.configEpoch)
      .map((other) => `${name} and ${other.name} have the same config epoch`),
    ...views
      .filter(({ table }) => table.rows.some((row) => isOutdated(row, myself)))
      .map((other) => `${other.name} has not heard of the config epoch of ${name}`),
  ]);
}

/** Believing in a higher one than a node has, as others do of one that was reset, does no harm. */
function isOutdated(row: NodeRow, { id, configEpoch }: NodeRow): boolean {
  return row.id === id && row.configEpoch < configEpoch;
}
