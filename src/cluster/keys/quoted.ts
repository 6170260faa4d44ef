/**
 * Bytes in the notation of redis-cli's --quoted-input: in double quotes, with \n \r \t \b \a \xHH \\ and \". Text that
 * doesn't begin with one is taken as it is. undefined where the quotes don't fit.
 */
export function parseQuoted(text: string): Buffer | undefined {
  if (!text.startsWith('"')) return Buffer.from(text, 'utf8');
  const inner = /^"((?:[^"\\]|\\[^])*)"$/u.exec(text)?.[1];
  if (inner === undefined) return undefined;
  const parts = [...inner.matchAll(/\\x([\dA-Fa-f]{2})|\\([^])|([^\\]+)/gu)];
  return Buffer.concat(
    parts.map(([, hexadecimal, escaped = '', plain]) =>
      hexadecimal === undefined
        ? Buffer.from(plain ?? ESCAPES[escaped] ?? escaped, 'utf8')
        : Buffer.from(hexadecimal, 'hex'),
    ),
  );
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', b: '\b', a: '\u0007' };

/** Text that a terminal shows as it is; anything else in the notation that `parseQuoted` reads. */
export function showBytes(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('utf8');
  const isText = Buffer.from(text, 'utf8').equals(bytes) && /^[^\p{C}\p{Z}"\\]+$/u.test(text);
  if (isText) return text;
  const shown = [...bytes].map((byte) => {
    const character = String.fromCharCode(byte);
    if (character === '"' || character === '\\') return `\\${character}`;
    return byte >= 0x20 && byte < 0x7f ? character : `\\x${byte.toString(16).padStart(2, '0')}`;
  });
  return `"${shown.join('')}"`;
}
