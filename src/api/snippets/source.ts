/**
 * The text of a program, as it is written between the backticks (backslashes too). A list stands alone on its line: each of
 * its texts becomes a line, or several, as far to the right as the list; an empty one leaves no line.
 */
export function source({ raw }: TemplateStringsArray, ...parts: readonly (string | readonly string[])[]): string {
  let program = '';
  raw.forEach((text, index) => {
    const before = parts[index - 1];
    program += typeof before === 'object' && before.length === 0 ? text.replace(/^\n/, '') : text;
    const part = parts[index];
    if (part === undefined) return;
    if (typeof part === 'string') program += part;
    else program = withLines(program, part);
  });
  return program.replace(/^\n/, '');
}

function withLines(program: string, texts: readonly string[]): string {
  const indent = /[ \t]*$/.exec(program)?.[0] ?? '';
  const lines = texts.flatMap((text) => text.split('\n'));
  const indented = lines.map((line) => (line === '' ? '' : indent + line));
  return program.slice(0, program.length - indent.length) + indented.join('\n');
}

/**
 * A text as it stands in the source of a language: what JSON escapes means the same in a string of JavaScript, Python, Go
 * and Java, and each of these takes care of what is left. In JavaScript: in single quotes, as Prettier would write it.
 */
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
