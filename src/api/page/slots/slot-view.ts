import { useMemo } from 'preact/hooks';
import type { LiveNode, LiveState } from '../../inspection/live-state.ts';
import { paletteOf, type Palette, type Scheme } from '../colours.ts';
import { useMedia } from '../environment.ts';
import type { Motion } from './motion-paint.ts';
import { ownerNames, slotMap, type Owned, type SlotMap } from './slot-map.ts';

/** The slots as all parts of the page show them. */
export interface SlotView {
  readonly map: SlotMap;
  /** Owner's number → name. */
  readonly names: readonly string[];
  readonly palette: Palette;
  readonly motions: readonly Motion[];
  readonly nodes: readonly LiveNode[];
  /** Whose the slots are that nobody has; where no node could tell, that is not known. */
  readonly nobody: 'nobody' | 'unknown';
}

export function useSlotView({ nodes, slots, moves }: LiveState): SlotView {
  const scheme: Scheme = useMedia('(prefers-color-scheme: dark)') ? 'dark' : 'light';
  const palette = useMemo(() => paletteOf(scheme), [scheme]);
  // A state comes each second and is mostly the same: what is painted from it stays as it is.
  const owned = JSON.stringify({ nodes: nodes.map(({ name }) => ({ name })), slots, moves });
  const parts = useMemo(() => partsOf(owned), [owned]);
  const isAsked = nodes.some(({ figures }) => figures !== undefined);
  return { ...parts, palette, nodes, nobody: isAsked || slots.length > 0 ? 'nobody' : 'unknown' };
}

function partsOf(owned: string): Pick<SlotView, 'map' | 'names' | 'motions'> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it was written just now
  const { nodes, slots, moves } = JSON.parse(owned) as Owned;
  const names = ownerNames({ nodes, slots, moves });
  const motions = moves.map((move) => ({
    from: names.indexOf(move.from),
    to: names.indexOf(move.to),
    slots: move.slots,
  }));
  return { map: slotMap(slots, names), names, motions };
}

export function ownerName({ names, nobody }: Pick<SlotView, 'names' | 'nobody'>, owner: number): string {
  return names[owner] ?? nobody;
}
