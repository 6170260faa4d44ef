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
