import type { LiveNode, LiveState } from '../inspection/live-state.ts';

const COUNT = new Intl.NumberFormat('en');
const SHORT_COUNT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 16,384 */
export function countText(count: number): string {
  return COUNT.format(count);
}

/** 9,876 and 1.2M: as wide as four digits. */
export function shortCountText(count: number): string {
  return count < 10_000 ? countText(count) : SHORT_COUNT.format(count);
}

/** `1 slot`, `2 slots` */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** In the units that redis.conf means by mb and gb: `1.6 MiB`. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // What would be rounded to 1024 is one of the next.
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : Number(value.toFixed(1))} ${BYTE_UNITS[unit] ?? ''}`;
}

/** How much of the slots: `33.3 %`. A slot alone is more than nothing. */
export function shareText(part: number, all: number): string {
  const percent = (part / all) * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  return `${Number(percent.toFixed(1))} %`;
}

/** The two largest units: `3 d 4 h`, `12 min`, `8 s`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < MINUTE) return `${whole} s`;
  const two = (large: number, largeUnit: string, small: number, smallUnit: string): string => {
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)} ${largeUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`;
  };
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min`;
  return whole < DAY ? two(HOUR, 'h', MINUTE, 'min') : two(DAY, 'd', HOUR, 'h');
}

export function agoText(seconds: number): string {
  return seconds < 1 ? 'just now' : `${durationText(seconds)} ago`;
}

/** 17:08:36 */
export function timeText(at: number): string {
  return TIME.format(at);
}

export function roleText({ role, primary }: Pick<LiveNode, 'role' | 'primary'>): string {
  if (role === undefined) return 'role unknown';
  return role === 'primary' ? 'primary' : `replica of ${primary ?? 'nobody'}`;
}

export const HEALTH_WORDS: Readonly<Record<LiveState['health'], string>> = {
  ok: 'ok',
  moving: 'slots are moving',
  failing: 'failing',
  unknown: 'unknown',
};
