/** How bytes, times and counts are written, in the terminal and on the page: it is part of what a browser gets. */
import prettyMilliseconds from 'pretty-ms';

const SHORT = { notation: 'compact', maximumFractionDigits: 1 } as const;
const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.6 MiB`: as `docker stats` writes them. redis.conf and the YAML file mean the same powers of 1024 by kb, mb and gb. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  // What would be rounded to 1024 is one of the next.
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 || value >= 99.95 ? Math.round(value) : Number(value.toFixed(1))} ${BYTE_UNITS[unit] ?? ''}`;
}

/** A size that somebody chose, with nothing rounded away: `512 MiB`, `1100 MiB`. */
export function sizeText(bytes: number): string {
  const unit = bytes === 0 ? 0 : BYTE_UNITS.findLastIndex((_name, power) => bytes % 1024 ** power === 0);
  return `${bytes / 1024 ** unit} ${BYTE_UNITS[unit] ?? ''}`;
}

/** How long something took, or may take: `520ms`, `1.52s`, `2m 14.20s`. */
export function durationText(ms: number): string {
  return prettyMilliseconds(ms, { secondsDecimalDigits: 2 });
}

/** For how long something has been so, in its two largest units: `3d 4h`, `8s`. */
export function ageText(ms: number): string {
  const whole = Math.floor(ms / 1000) * 1000;
  return whole <= 0 ? '0s' : prettyMilliseconds(whole, { unitCount: 2 });
}

/** `4s ago` */
export function agoText(ms: number): string {
  return ms < 1000 ? 'just now' : `${ageText(ms)} ago`;
}

/** `16,384`. A whole one without Intl, whose first number takes a tenth of the time of a short command. */
export function numberText(count: number): string {
  return Number.isSafeInteger(count) ? String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',') : count.toLocaleString('en');
}

/** `9,876` and `1.2M`: as wide as four digits. */
export function shortNumberText(count: number): string {
  return count < 10_000 ? numberText(count) : count.toLocaleString('en', SHORT);
}

/** `1 key`, `1,234 keys` */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${numberText(count)} ${count === 1 ? one : many}`;
}
