import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { formatRange } from '../../../cluster/slots/slots.ts';
import { runsOf } from './slot-map.ts';
import { ownerName, type SlotView } from './slot-view.ts';
import { Swatch } from '../parts/swatch.tsx';
import { numberText } from '../../../units.ts';

/** The band as a table, for who can't see it, and for who wants the numbers. Made only when it is opened. */
export function SlotTable({ view }: { readonly view: SlotView }): JSX.Element {
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
