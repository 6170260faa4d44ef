import type { JSX } from 'preact';
import { formatRange } from '../../../cluster/slots/slots.ts';
import type { LiveState } from '../../inspection/live-state.ts';
import type { SlotView } from './slot-view.ts';
import { Swatch } from '../parts/swatch.tsx';
import { countOf } from '../words.ts';

interface Props {
  readonly view: SlotView;
  readonly moves: LiveState['moves'];
}

const SHOWN_RANGES = 6;

/** What is on its way, from whom to whom. */
export function Moves({ view, moves }: Props): JSX.Element | null {
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
              {countOf(count, 'slot')} on the move{' '}
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
