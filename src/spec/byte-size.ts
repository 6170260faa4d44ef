const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

export const BYTE_SIZE_PATTERN = /^(\d+)(b|[kmg]b?)?$/i;

/** Bytes from `512mb`, `1g`, `1048576`: powers of 1024, as Redis reads `kb`, `mb` and `gb`. NaN for anything else. */
export function parseByteSize(text: string): number {
  const match = BYTE_SIZE_PATTERN.exec(text);
  if (match === null) return Number.NaN;
  const unit = (match[2] ?? '').toLowerCase().slice(0, 1);
  return Number(match[1]) * (UNITS[unit] ?? Number.NaN);
}
