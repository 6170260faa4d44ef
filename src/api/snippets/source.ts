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
