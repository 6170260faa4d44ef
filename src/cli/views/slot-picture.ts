import { SLOT_COUNT, type SlotRange } from '../../cluster/slots/slots.ts';
import type { Paint } from '../core/terminal.ts';

const CELLS = 256;
const CELLS_A_LINE = 64;
const COLOURS = ['cyan', 'magenta', 'yellow', 'green', 'blue', 'red'] as const;
/** So that more owners than colours, and a terminal without any, can still be told apart. */
const MARKS = '█▓▒░';

/**
 * All slots in four lines, 64 slots a character, each with the colour and the mark of the owner of most of them; a dot where
 * nobody owns them. A legend below.
 */
export function slotPicture(owned: readonly (SlotRange & { readonly owner: string })[], paint: Paint): string {
  const owners = [...new Set(owned.map(({ owner }) => owner))];
  const drawn = (name: string, width: number): string => {
    const index = owners.indexOf(name);
    const mark = MARKS[Math.floor(index / COLOURS.length) % MARKS.length] ?? '█';
    return paint(COLOURS[index % COLOURS.length] ?? 'cyan', mark.repeat(width));
  };
  const perCell = SLOT_COUNT / CELLS;
  const cells = Array.from({ length: CELLS }, (_, index) => {
    const owner = ownerOfMost(owned, index * perCell, (index + 1) * perCell - 1);
    return owner === undefined ? '·' : drawn(owner, 1);
  });
  const lines = Array.from({ length: CELLS / CELLS_A_LINE }, (_, line) => {
    const first = line * CELLS_A_LINE;
    return `${String(first * perCell).padStart(5)} ${cells.slice(first, first + CELLS_A_LINE).join('')}\n`;
  });
  return `${lines.join('')}      ${owners.map((name) => `${drawn(name, 2)} ${name}`).join('  ')}\n`;
}

function ownerOfMost(
  owned: readonly (SlotRange & { readonly owner: string })[],
  start: number,
  end: number,
): string | undefined {
  const counts = new Map<string, number>();
  for (const range of owned) {
    const shared = Math.min(end, range.end) - Math.max(start, range.start) + 1;
    if (shared > 0) counts.set(range.owner, (counts.get(range.owner) ?? 0) + shared);
  }
  const [most] = [...counts].toSorted(([, one], [, other]) => other - one);
  return most?.[0];
}
