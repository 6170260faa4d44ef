import { SLOT_COUNT } from '../../cluster/slots/slots.ts';
import type { NodeLink } from '../node-link.ts';

/** Which node owns a slot; undefined where none that answers says so of itself. */
export type SlotOwners = (slot: number) => NodeLink | undefined;

/** What each node says of itself right now: of two that claim a slot, the one with the higher epoch is believed. */
export async function observeOwners(links: readonly NodeLink[]): Promise<SlotOwners> {
  const owners = Array.from<NodeLink | undefined>({ length: SLOT_COUNT });
  const epochs = Array.from<number>({ length: SLOT_COUNT }).fill(-1);
  const views = await Promise.all(links.map(async (link) => ({ link, view: await link.observe() })));
  for (const { link, view } of views) {
    if (!view.reachable || view.table.myself.role !== 'primary') continue;
    const { configEpoch, slots } = view.table.myself;
    for (const { start, end } of slots) {
      for (let slot = start; slot <= end; slot += 1) {
        if (configEpoch <= (epochs[slot] ?? 0)) continue;
        owners[slot] = link;
        epochs[slot] = configEpoch;
      }
    }
  }
  return (slot) => owners[slot];
}
