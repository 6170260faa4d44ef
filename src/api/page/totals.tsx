import type { JSX } from 'preact';
import { SLOT_COUNT } from '../../cluster/slots/slots.ts';
import type { LiveState } from '../inspection/live-state.ts';
import { NOBODY, type SlotMap } from './slots/slot-map.ts';
import { bytesText, countText, shortCountText } from './words.ts';

const UNKNOWN = '–';

/** The cluster in five numbers. */
export function Totals({ state: { nodes }, map }: { readonly state: LiveState; readonly map: SlotMap }): JSX.Element {
  const answering = nodes.flatMap(({ role, figures }) => (figures === undefined ? [] : [{ role, ...figures }]));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const known = (text: string): string => (answering.length === 0 ? UNKNOWN : text);
  const owned = map.filter((owner) => owner !== NOBODY).length;
  const totals: [name: string, value: string, rest: string][] = [
    ['nodes up', String(nodes.filter(({ state }) => state === 'up').length), ` of ${nodes.length}`],
    ['slots owned', owned === 0 ? known('0') : countText(owned), ` of ${countText(SLOT_COUNT)}`],
    // A replica's keys are its primary's.
    ['keys', known(countText(sum(answering.filter(({ role }) => role !== 'replica').map(({ keys }) => keys)))), ''],
    ['ops/s', known(shortCountText(sum(answering.map(({ opsPerSecond }) => opsPerSecond)))), ''],
    ['memory', known(bytesText(sum(answering.map(({ memoryBytes }) => memoryBytes)))), ''],
  ];
  return (
    <dl class="totals">
      {totals.map(([name, value, rest]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <span class="faint">{rest}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
