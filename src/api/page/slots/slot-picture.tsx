import type { JSX, RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { paintOwners, type Picture, type Surface } from './slot-paint.ts';
import { useMedia } from '../environment.ts';
import { motionPainter, type Motion } from './motion-paint.ts';

/** Stripes that wander need no more, and leave the processor to those who move slots. */
const FRAME_MS = 60;

interface Size {
  readonly width: number;
  readonly height: number;
  readonly scale: number;
}

interface Props extends Picture {
  readonly motions: readonly Motion[];
}

/**
 * Two canvases, one on the other: what stands still is painted when it changes, what moves many times a second. Thousands of
 * ranges are as quick as three, because there are only as many columns of pixels.
 */
export function SlotPicture({ map, range, palette, names, spotlight, motions }: Props): JSX.Element {
  const owners = useRef<HTMLCanvasElement>(null);
  const moving = useRef<HTMLCanvasElement>(null);
  const size = useSize(owners);
  const isStill = useMedia('(prefers-reduced-motion: reduce)');
  useLayoutEffect(() => {
    const surface = surfaceOf(owners.current, size);
    if (surface !== undefined) paintOwners(surface, { map, range, palette, names, spotlight });
  }, [map, range, palette, names, spotlight, size]);
  useLayoutEffect(() => {
    const surface = surfaceOf(moving.current, size);
    if (surface === undefined) return undefined;
    const inside = motions.filter(({ slots }) =>
      slots.some((slot) => slot.start <= range.end && slot.end >= range.start),
    );
    const paint = motionPainter(surface, { range, palette }, inside);
    paint(0);
    if (inside.length === 0 || isStill) return undefined;
    const timer = setInterval(() => paint(performance.now() / 1000), FRAME_MS);
    return () => clearInterval(timer);
  }, [motions, range, palette, size, isStill]);
  return (
    <div class="slot-picture" aria-hidden="true">
      <canvas ref={owners} />
      <canvas ref={moving} class="motions" />
    </div>
  );
}

function useSize(canvas: RefObject<HTMLCanvasElement | null>): Size | undefined {
  const [size, setSize] = useState<Size>();
  useEffect(() => {
    if (canvas.current === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry === undefined) return;
      const { width, height } = entry.contentRect;
      setSize({ width, height, scale: devicePixelRatio });
    });
    observer.observe(canvas.current);
    return () => observer.disconnect();
  }, [canvas]);
  return size;
}

function surfaceOf(canvas: HTMLCanvasElement | null, size: Size | undefined): Surface | undefined {
  const context = canvas?.getContext('2d') ?? null;
  if (canvas === null || context === null || size === undefined) return undefined;
  const [width, height] = [Math.round(size.width * size.scale), Math.round(size.height * size.scale)];
  if (width === 0 || height === 0) return undefined;
  // Setting it also clears it, and only then the font and the rest are as they were made.
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  return { context, width, height, scale: size.scale };
}
