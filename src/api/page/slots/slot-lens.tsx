import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import { SlotPicture } from './slot-picture.tsx';
import type { SlotView } from './slot-view.ts';

/** So many slots are shown large. */
const WINDOW = 96;

/** The neighbourhood of a slot, where each slot is wide enough to be seen alone. */
export function SlotLens({ view, slot }: { readonly view: SlotView; readonly slot: number }): JSX.Element {
  const start = Math.max(0, Math.min(SLOT_COUNT - WINDOW, slot - WINDOW / 2));
  const range = useMemo(() => ({ start, end: start + WINDOW - 1 }), [start]);
  return (
    <div class="lens" aria-hidden="true">
      <div class="slots">
        <SlotPicture {...view} names={NO_NAMES} range={range} spotlight={undefined} />
        <span class="frame" style={{ left: `${((slot - start) / WINDOW) * 100}%`, width: `${(1 / WINDOW) * 100}%` }} />
      </div>
      <div class="ends">
        <span>{range.start}</span>
        <span>{range.end}</span>
      </div>
    </div>
  );
}

const NO_NAMES: readonly string[] = [];
