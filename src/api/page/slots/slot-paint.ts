import type { SlotRange } from '../../../cluster/slots/slots.ts';
import type { Palette } from '../colours.ts';
import { columnsOf, NOBODY, type Column, type SlotMap } from './slot-map.ts';

export interface Picture {
  readonly map: SlotMap;
  /** The slots from the left edge to the right one. */
  readonly range: SlotRange;
  readonly palette: Palette;
  /** Owner → its name. Empty where no names are wanted. */
  readonly names: readonly string[];
  /** Everybody else is pale. */
  readonly spotlight: number | undefined;
}

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const PALE = 0.16;
/** In pixels of the page, like all below. */
const HATCH = 7;
const LEAST_CELL = 3;
const LEAST_BLOCK = 5;

/** Who owns what, standing still. */
export function paintOwners(surface: Surface, { map, range, palette, names, spotlight }: Picture): void {
  const { context, width, height } = surface;
  context.globalAlpha = 1;
  context.fillStyle = palette.ground;
  context.fillRect(0, 0, width, height);
  const hatched = hatching(surface, palette);
  const columns = columnsOf(map, range, width);
  for (const { x, width: columnWidth, shares } of columns) {
    let y = 0;
    for (const { owner, share } of shares) {
      context.globalAlpha = spotlight === undefined || spotlight === owner ? 1 : PALE;
      context.fillStyle = owner === NOBODY ? hatched : palette.owner(owner);
      context.fillRect(x, y, columnWidth, share * height);
      y += share * height;
    }
  }
  context.globalAlpha = 1;
  context.fillStyle = palette.ground;
  paintGaps(surface, columns);
  paintGrid(surface, range);
  context.fillStyle = palette.ink;
  context.textBaseline = 'middle';
  for (const column of columns) paintName(surface, column, { names, spotlight });
}

/** Between single slots, where each is wide enough. */
function paintGrid({ context, width, height, scale }: Surface, { start, end }: SlotRange): void {
  const perSlot = width / (end - start + 1);
  if (perSlot < LEAST_CELL * scale) return;
  context.globalAlpha = 0.45;
  for (let slot = 1; slot <= end - start; slot += 1) {
    context.fillRect(Math.round(slot * perSlot), 0, Math.max(1, Math.floor(scale)), height);
  }
  context.globalAlpha = 1;
}

/** Between two blocks that are wide enough to be seen as such; a column that both share is given to the gap. */
function paintGaps({ context, height, scale }: Surface, columns: readonly Column[]): void {
  const blocks = columns.filter(({ width }) => width >= LEAST_BLOCK * scale);
  for (const [index, { x, width }] of blocks.entries()) {
    const next = blocks[index + 1]?.x ?? Number.POSITIVE_INFINITY;
    const end = x + width;
    if (next - end <= 1) context.fillRect(end, 0, Math.max(scale, next - end), height);
  }
}

/** The whole name where there is room for it, else the number, else nothing. */
function paintName(
  { context, height, scale }: Surface,
  { x, width, shares }: Column,
  { names, spotlight }: Pick<Picture, 'names' | 'spotlight'>,
): void {
  const owner = shares[0]?.owner ?? NOBODY;
  const name = names[owner];
  if (name === undefined || shares.length > 1 || (spotlight !== undefined && spotlight !== owner)) return;
  const room = width - 14 * scale;
  context.font = `600 ${12.5 * scale}px ${FONT}`;
  const text = [name, String(owner + 1)].find((candidate) => context.measureText(candidate).width <= room);
  if (text !== undefined) context.fillText(text, x + 8 * scale, height / 2 + 0.5 * scale);
}

function hatching({ context, scale }: Surface, { ground, hatch }: Palette): CanvasPattern | string {
  const size = HATCH * scale;
  return patternOf(context, size, ground, (tile) => {
    tile.strokeStyle = hatch;
    tile.lineWidth = 1.25 * scale;
    // Three lines, so that the corners are those of the next tile.
    for (const shift of [-size, 0, size]) {
      tile.moveTo(shift - 1, size + 1);
      tile.lineTo(shift + size + 1, -1);
    }
    tile.stroke();
  });
}

/** A canvas in its own pixels, of which `scale` are one of the page. */
export interface Surface {
  readonly context: CanvasRenderingContext2D;
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

/** What fills areas by being repeated: `paint` draws on a tile of `size` by `size`. */
export function patternOf(
  context: CanvasRenderingContext2D,
  size: number,
  ground: string,
  paint: (tile: CanvasRenderingContext2D) => void,
): CanvasPattern {
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [size, size];
  const tile = canvas.getContext('2d');
  if (tile !== null) {
    tile.fillStyle = ground;
    tile.fillRect(0, 0, size, size);
    paint(tile);
  }
  const pattern = context.createPattern(canvas, 'repeat');
  if (pattern === null) throw new Error('This browser makes no patterns.');
  return pattern;
}
