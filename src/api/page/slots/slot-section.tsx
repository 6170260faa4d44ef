import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { LiveState } from '../../inspection/live-state.ts';
import { KeyField } from '../parts/key-field.tsx';
import { keyParts } from '../parts/key-parts.ts';
import { Moves } from './moves.tsx';
import { SlotBand } from './slot-band.tsx';
import { SlotLegend } from './slot-legend.tsx';
import { SlotLens } from './slot-lens.tsx';
import { runAt } from './slot-map.ts';
import { SlotTable } from './slot-table.tsx';
import { ownerName, type SlotView } from './slot-view.ts';
import { Swatch } from '../parts/swatch.tsx';
import { countOf } from '../words.ts';

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
  const rangeText = start === end ? 'alone in its range' : `one of ${countOf(end - start + 1, 'slot')} ${start}-${end}`;
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
