import type { SlotRange } from '../../../cluster/slots/slots.ts';
import { patternOf, type Picture, type Surface } from './slot-paint.ts';

/** Slots on their way, by the numbers of the owners. */
export interface Motion {
  readonly from: number;
  readonly to: number;
  readonly slots: readonly SlotRange[];
}

/** In pixels of the page, like all below. */
const STRIPE = 14;
const STRIPES_A_SECOND = 0.9;
/** A single slot of 16384 is less than a pixel; on the move it is to be seen. */
const LEAST_MOTION = 8;

/**
 * Stripes of both owners' colours, wandering, over what stands still.
 *
 * @returns what paints them as they are at a time, in seconds of any clock
 */
export function motionPainter(
  surface: Surface,
  { range, palette }: Pick<Picture, 'range' | 'palette'>,
  motions: readonly Motion[],
): (seconds: number) => void {
  const { context, width, height, scale } = surface;
  const perSlot = width / (range.end - range.start + 1);
  const striped = motions.map(({ from, to, slots }) => ({
    stripes: stripesOf(surface, palette.owner(from), palette.owner(to)),
    boxes: slots.map(({ start, end }) => {
      const [left, right] = [(start - range.start) * perSlot, (end + 1 - range.start) * perSlot];
      const missing = Math.max(0, (LEAST_MOTION * scale - (right - left)) / 2);
      return { x: left - missing, shown: right - left + missing * 2 };
    }),
  }));
  return (seconds) => {
    context.clearRect(0, 0, width, height);
    const shift = ((seconds * STRIPES_A_SECOND) % 1) * STRIPE * scale;
    for (const { stripes, boxes } of striped) {
      stripes.setTransform(new DOMMatrix().translate(shift, 0));
      for (const { x, shown } of boxes) {
        context.fillStyle = palette.ground;
        context.fillRect(x - scale, 0, shown + 2 * scale, height);
        context.fillStyle = stripes;
        context.fillRect(x, 0, shown, height);
      }
    }
  };
}

function stripesOf({ context, scale }: Surface, from: string, to: string): CanvasPattern {
  const size = STRIPE * scale;
  return patternOf(context, size, from, (tile) => {
    tile.fillStyle = to;
    for (const shift of [0, size]) {
      tile.beginPath();
      tile.moveTo(shift, 0);
      tile.lineTo(shift + size / 2, 0);
      tile.lineTo(shift - size / 2, size);
      tile.lineTo(shift - size, size);
      tile.fill();
    }
  });
}
