import { ProblemError } from './problem.ts';

const LONGEST_KEY_BYTES = 8192;

/**
 * A query as application/x-www-form-urlencoded, in bytes and not in text: a character of a value is a byte (Latin-1).
 * `%` that no two hexadecimal digits follow stands for itself, as in the URL standard.
 */
export function parseQuery(query: string): Record<string, string | string[]> {
  const values = new Map<string, string[]>();
  for (const part of query.split('&').filter((text) => text !== '')) {
    const equals = part.indexOf('=');
    const name = decodeBytes(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? '' : decodeBytes(part.slice(equals + 1));
    const others = values.get(name);
    // Copied for each, a million of the same name would take hours.
    if (others === undefined) values.set(name, [value]);
    else others.push(value);
  }
  return Object.fromEntries([...values].map(([name, all]) => [name, all.length === 1 ? (all[0] ?? '') : all]));
}

/** @param latin1 as `parseQuery` gives it @throws ProblemError 414 */
export function keyFrom(latin1: string): Buffer {
  if (latin1.length <= LONGEST_KEY_BYTES) return Buffer.from(latin1, 'latin1');
  throw new ProblemError(414, `the key has ${latin1.length} bytes, and at most ${LONGEST_KEY_BYTES} are accepted`);
}

function decodeBytes(text: string): string {
  // What isn't ASCII comes as the bytes that it was sent in: node:http reads a request's head as Latin-1.
  return text
    .replaceAll('+', ' ')
    .replaceAll(/%([\dA-Fa-f]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
