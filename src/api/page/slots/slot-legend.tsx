import type { JSX } from 'preact';
import { useMemo } from 'preact/hooks';
import { SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import { NOBODY, type SlotMap } from './slot-map.ts';
import { ownerName, type SlotView } from './slot-view.ts';
import { Swatch } from '../parts/swatch.tsx';
import { countOf, shareText } from '../words.ts';

interface Props {
  readonly view: SlotView;
  readonly spotlight: number | undefined;
  readonly onSpotlight: (owner: number | undefined) => void;
}

/** Who owns how much. Each entry is a switch that shows its slots alone. */
export function SlotLegend({ view, spotlight, onSpotlight }: Props): JSX.Element {
  const owners = useMemo(() => countsOf(view.map), [view.map]);
  return (
    <ul class="legend" aria-label="Owners of slots">
      {owners.map(([owner, count]) => (
        <li key={owner}>
          <button
            type="button"
            aria-pressed={spotlight === owner}
            onClick={() => onSpotlight(spotlight === owner ? undefined : owner)}
          >
            <Swatch view={view} owner={owner} />
            <span class="name">{ownerName(view, owner)}</span>
            <span class="figure">
              {countOf(count, 'slot')} <span class="faint">{shareText(count, SLOT_COUNT)}</span>
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** Owner → slots, in the order of the owners; nobody's come last. */
function countsOf(map: SlotMap): [owner: number, count: number][] {
  const counts = new Map<number, number>();
  for (const owner of map) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  const placeOf = (owner: number): number => (owner === NOBODY ? Number.POSITIVE_INFINITY : owner);
  return [...counts].toSorted(([one], [other]) => placeOf(one) - placeOf(other));
}
