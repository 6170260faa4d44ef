import type { JSX } from 'preact';
import type { LiveNode, LiveState } from '../../inspection/live-state.ts';

export type Status = LiveState['health'] | LiveNode['state'];

interface Shape {
  readonly outline: string;
  readonly sign: string;
  /** Of the tab's icon: clear in a light and in a dark row of tabs. */
  readonly colour: string;
}

const CIRCLE = 'M12 1.5a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z';
const OCTAGON = 'M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z';
const TICK: Shape = { outline: CIRCLE, sign: 'M7 12.5l3.4 3.4L17 8.8', colour: '#1f9d57' };

/** Each state has a shape of its own, not only a colour: a round tick, an arrow on its way, a triangle, a cross, a gap. */
const SHAPES: Readonly<Record<Status, Shape>> = {
  ok: TICK,
  up: TICK,
  moving: { outline: 'M3 3h18v18H3z', sign: 'M6.5 12h10.5M13 7.8l4.2 4.2-4.2 4.2', colour: '#3f7be0' },
  failing: { outline: 'M12 1.8 23 21.5H1z', sign: 'M12 9v5.6M12 17.6v.8', colour: '#dc3b33' },
  down: { outline: OCTAGON, sign: 'M8 8l8 8M16 8l-8 8', colour: '#dc3b33' },
  unknown: { outline: CIRCLE, sign: 'M7.5 12h1M11.5 12h1M15.5 12h1', colour: '#7d848f' },
};

export function StatusMark({ status }: { readonly status: Status }): JSX.Element {
  const { outline, sign } = SHAPES[status];
  return (
    <svg class={`mark is-${status}`} viewBox="0 0 24 24" aria-hidden="true">
      <path class="outline" d={outline} />
      <path class="sign" d={sign} />
    </svg>
  );
}

/** For the tab. */
export function statusIcon(status: Status): string {
  const { outline, sign, colour } = SHAPES[status];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="${colour}" d="${outline}"/>` +
    `<path fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" d="${sign}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
