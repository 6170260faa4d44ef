import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import { ALL_SLOTS, runAt } from './slot-map.ts';
import { SlotPicture } from './slot-picture.tsx';
import type { SlotView } from './slot-view.ts';

interface Props {
  readonly view: SlotView;
  readonly spotlight: number | undefined;
  /** The slot that is looked at, and whether somebody chose it. */
  readonly slot: number;
  readonly isChosen: boolean;
  /** The slot of the key that was typed. */
  readonly keySlot: number | undefined;
  /** In words, for a screen reader. */
  readonly slotText: string;
  /** undefined when the pointer or the focus goes away. */
  readonly onPoint: (slot: number | undefined) => void;
}

const LAST = SLOT_COUNT - 1;
const TICKS = Array.from({ length: 17 }, (_, index) => Math.min(index * 1024, LAST));

/** All slots in one band, with an axis. It is a slider: pointed at, touched, or moved over with the keyboard. */
export function SlotBand({ view, spotlight, slot, isChosen, keySlot, slotText, onPoint }: Props): JSX.Element {
  const band = useRef<HTMLDivElement>(null);
  const point = ({ clientX }: PointerEvent): void => {
    const box = band.current?.getBoundingClientRect();
    if (box !== undefined) onPoint(within(Math.floor(((clientX - box.left) / box.width) * SLOT_COUNT)));
  };
  const step = (event: KeyboardEvent): void => {
    const to = slotAfter(event.key, slot, view);
    if (to === undefined) return;
    event.preventDefault();
    onPoint(within(to));
  };
  return (
    <div class="band">
      <div class="pins" aria-hidden="true">
        {keySlot !== undefined && (
          <span class="pin" style={{ left: middleOf(keySlot) }}>
            key
          </span>
        )}
      </div>
      <div
        ref={band}
        class="slots"
        role="slider"
        tabIndex={0}
        aria-label="Slots by owner"
        aria-valuemin={0}
        aria-valuemax={LAST}
        aria-valuenow={slot}
        aria-valuetext={slotText}
        aria-describedby="band-keys"
        onPointerMove={point}
        onPointerDown={point}
        onPointerLeave={({ pointerType }) => {
          if (pointerType === 'mouse') onPoint(undefined);
        }}
        onKeyDown={step}
        onFocus={() => onPoint(slot)}
        onBlur={() => onPoint(undefined)}
      >
        <SlotPicture {...view} range={ALL_SLOTS} spotlight={spotlight} />
        {isChosen && <span class="cursor" style={{ left: middleOf(slot) }} />}
      </div>
      <div class="axis" aria-hidden="true">
        {TICKS.map((tick, index) => (
          <span
            key={tick}
            class={index % 4 === 0 ? 'tick is-labelled' : 'tick'}
            style={{ left: `${(tick / SLOT_COUNT) * 100}%` }}
          >
            {index % 4 === 0 && <span>{tick}</span>}
          </span>
        ))}
      </div>
      <p id="band-keys" class="unseen">
        Left and right arrows move by one slot, page up and page down to the next owner.
      </p>
    </div>
  );
}

function slotAfter(key: string, slot: number, { map }: SlotView): number | undefined {
  const run = runAt(map, slot);
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return slot + 1;
    case 'ArrowLeft':
    case 'ArrowDown':
      return slot - 1;
    case 'PageUp':
      return run.end + 1;
    case 'PageDown':
      return run.start === slot ? runAt(map, within(slot - 1)).start : run.start;
    case 'Home':
      return 0;
    case 'End':
      return LAST;
    default:
      return undefined;
  }
}

function within(slot: number): number {
  return Math.max(0, Math.min(LAST, slot));
}

function middleOf(slot: number): string {
  return `${((slot + 0.5) / SLOT_COUNT) * 100}%`;
}
