/**
 * A text as it stands in the source of a language. What JSON escapes means the same in a string of JavaScript, Python, Go
 * and Java; each of these takes care of what is left.
 */

/** In single quotes, as Prettier would write it. */
export function inJavaScript(text: string): string {
  const inside = JSON.stringify(text).slice(1, -1);
  // A quote stands after an even number of backslashes that are not its own.
  return `'${inside.replaceAll('\\"', '"').replaceAll("'", "\\'")}'`;
}

export function inPython(text: string): string {
  return JSON.stringify(text);
}

/** Go refuses a byte order mark that isn't the first character of a file. */
export function inGo(text: string): string {
  return JSON.stringify(text).replaceAll('\uFEFF', '\\ufeff');
}

/** Before version 18, javac takes a source file for one in the character set of the locale: only ASCII is safe. */
export function inJava(text: string): string {
  return JSON.stringify(text).replaceAll(
    /[^\0-\x7E]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
