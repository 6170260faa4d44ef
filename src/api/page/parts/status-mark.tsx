import type { JSX } from 'preact';
import type { LiveNode, LiveState } from '../../inspection/live-state.ts';

export type Status = LiveState['health'] | LiveNode['state'];

/** Each state has a shape of its own, not only a colour: a round tick, an arrow on its way, a triangle, a cross, a gap. */
const SHAPES: Readonly<Record<Status, { readonly outline: string; readonly sign: string }>> = {
  ok: { outline: 'M12 1.5a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z', sign: 'M7 12.5l3.4 3.4L17 8.8' },
  up: { outline: 'M12 1.5a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z', sign: 'M7 12.5l3.4 3.4L17 8.8' },
  moving: { outline: 'M3 3h18v18H3z', sign: 'M6.5 12h10.5M13 7.8l4.2 4.2-4.2 4.2' },
  failing: { outline: 'M12 1.8 23 21.5H1z', sign: 'M12 9v5.6M12 17.6v.8' },
  down: { outline: 'M7.6 1.5h8.8l6.1 6.1v8.8l-6.1 6.1H7.6l-6.1-6.1V7.6z', sign: 'M8 8l8 8M16 8l-8 8' },
  unknown: { outline: 'M12 1.5a10.5 10.5 0 1 0 0 21 10.5 10.5 0 0 0 0-21z', sign: 'M7.5 12h1M11.5 12h1M15.5 12h1' },
};

/** Colours that are clear in a light and in a dark row of tabs. */
const ICON_COLOURS: Readonly<Record<Status, string>> = {
  ok: '#1f9d57',
  up: '#1f9d57',
  moving: '#3f7be0',
  failing: '#dc3b33',
  down: '#dc3b33',
  unknown: '#7d848f',
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
  const { outline, sign } = SHAPES[status];
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path fill="${ICON_COLOURS[status]}" d="${outline}"/>` +
    `<path fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round" d="${sign}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
