import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatRange, SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import type { LiveState } from '../../inspection/live-state.ts';
import { KeyField } from '../parts/key-field.tsx';
import { keyParts } from '../parts/key-parts.ts';
import { shareText } from '../words.ts';
import { SlotBand } from './slot-band.tsx';
import { NOBODY, runAt, type SlotMap, runsOf } from './slot-map.ts';
import { SlotPicture } from './slot-picture.tsx';
import { ownerName, type SlotView } from './slot-view.ts';
import { Swatch } from '../parts/swatch.tsx';
import { countText, numberText } from '../../../units.ts';

interface Props {
  readonly view: SlotView;
  readonly moves: LiveState['moves'];
}

/** Everything about slots: who owns them, which one is looked at, which one a key has. */
export function SlotSection({ view, moves }: Props): JSX.Element {
  const [pointed, setPointed] = useState<number>();
  const [spotlight, setSpotlight] = useState<number>();
  const [key, setKey] = useState('');
  const keySlot = key === '' ? undefined : keyParts(key).slot;
  const slot = pointed ?? keySlot ?? 0;
  const { owner, start, end } = runAt(view.map, slot);
  const rangeText =
    start === end ? 'alone in its range' : `one of ${countText(end - start + 1, 'slot')} ${start}-${end}`;
  return (
    <section class="slot-section" aria-labelledby="slots-heading">
      <h2 id="slots-heading">Slots</h2>
      <SlotBand
        view={view}
        spotlight={spotlight}
        slot={slot}
        isChosen={pointed !== undefined || keySlot !== undefined}
        keySlot={keySlot}
        slotText={`slot ${slot}, owner ${ownerName(view, owner)}, ${rangeText}`}
        // A key's slot comes back when the pointer goes; otherwise the last one stays.
        onPoint={(to) => (to !== undefined || keySlot !== undefined ? setPointed(to) : undefined)}
      />
      <Moves view={view} moves={moves} />
      <SlotLegend view={view} spotlight={spotlight} onSpotlight={setSpotlight} />
      <div class="probes">
        <KeyField
          view={view}
          text={key}
          onText={(text) => {
            setKey(text);
            setPointed(undefined);
          }}
        />
        <div class="looked-at">
          <p class="readout">
            <span class="slot-number">slot {slot}</span>
            <Swatch view={view} owner={owner} />
            <span class="name">{ownerName(view, owner)}</span>
            <span class="faint">{rangeText}</span>
          </p>
          <SlotLens view={view} slot={slot} />
        </div>
      </div>
      <SlotTable view={view} />
    </section>
  );
}

/** So many slots are shown large. */
const WINDOW = 96;

/** The neighbourhood of a slot, where each slot is wide enough to be seen alone. */
function SlotLens({ view, slot }: { readonly view: SlotView; readonly slot: number }): JSX.Element {
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

interface LegendProps {
  readonly view: SlotView;
  readonly spotlight: number | undefined;
  readonly onSpotlight: (owner: number | undefined) => void;
}

/** Who owns how much. Each entry is a switch that shows its slots alone. */
function SlotLegend({ view, spotlight, onSpotlight }: LegendProps): JSX.Element {
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
              {countText(count, 'slot')} <span class="faint">{shareText(count, SLOT_COUNT)}</span>
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

const SHOWN_RANGES = 6;

/** What is on its way, from whom to whom. */
function Moves({ view, moves }: Props): JSX.Element | null {
  if (moves.length === 0) return null;
  return (
    <ul class="moves" aria-label="Slots on the move">
      {moves.map(({ from, to, slots, count }) => {
        const [source, target] = [view.names.indexOf(from), view.names.indexOf(to)];
        const more = slots.length > SHOWN_RANGES ? ` and ${slots.length - SHOWN_RANGES} more ranges` : '';
        return (
          <li key={`${from} ${to}`}>
            <Swatch view={view} owner={source} />
            <span class="name">{from}</span>
            <span
              class="travel"
              aria-hidden="true"
              style={{ '--from': view.palette.owner(source), '--to': view.palette.owner(target) }}
            />
            <span class="unseen">to</span>
            <Swatch view={view} owner={target} />
            <span class="name">{to}</span>
            <span class="figure">
              {countText(count, 'slot')} on the move{' '}
              <span class="faint">
                {slots.slice(0, SHOWN_RANGES).map(formatRange).join(' ')}
                {more}
              </span>
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** The band as a table, for who can't see it, and for who wants the numbers. Made only when it is opened. */
function SlotTable({ view }: { readonly view: SlotView }): JSX.Element {
  const [isOpen, setIsOpen] = useState(false);
  const { map, palette, names, nobody } = view;
  const runs = useMemo(() => runsOf(map), [map]);
  // There can be thousands, and a state comes each second.
  const rows = useMemo(
    () =>
      runs.map((run) => (
        <tr key={run.start}>
          <td>{formatRange(run)}</td>
          <td>{numberText(run.end - run.start + 1)}</td>
          <td>
            <Swatch view={{ palette }} owner={run.owner} /> {ownerName({ names, nobody }, run.owner)}
          </td>
        </tr>
      )),
    [runs, palette, names, nobody],
  );
  return (
    <details class="slot-table" onToggle={({ currentTarget }) => setIsOpen(currentTarget.open)}>
      <summary>{runs.length === 1 ? 'The range' : `All ${numberText(runs.length)} ranges`} as a table</summary>
      {isOpen && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Ranges of slots">
          <table>
            <thead>
              <tr>
                <th scope="col">slots</th>
                <th scope="col">count</th>
                <th scope="col">owner</th>
              </tr>
            </thead>
            <tbody>{rows}</tbody>
          </table>
        </div>
      )}
    </details>
  );
}
