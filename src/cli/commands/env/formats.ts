import { StackError } from '../../../errors.ts';
import { quoted, run } from '../../../hint.ts';
import { jsonText } from '../../core/output.ts';

export type Variables = Readonly<Record<string, string>>;

/** How an assignment is written for whoever reads it; undefined where that reader would read another value. */
const ASSIGNMENTS = {
  dotenv: (name, value) => {
    const written = dotenvValue(value);
    return written === undefined ? undefined : `${name}=${written}`;
  },
  shell: (name, value) => `export ${name}=${quoted(value)}`,
  // `docker run --env-file` takes the rest of the line as it is, and refuses one of 64 kB.
  docker: (name, value) => (/[\r\n]/.test(value) || value.length > 20_000 ? undefined : `${name}=${value}`),
  github: (name, value) => (value.includes('\n') ? delimited(name, value) : `${name}=${value}`),
} satisfies Record<string, (name: string, value: string) => string | undefined>;

export type Format = keyof typeof ASSIGNMENTS | 'json';

/** In the order in which one is named where another can't do it. */
export const FORMATS: readonly Format[] = ['dotenv', 'shell', 'json', 'docker', 'github'];

const READERS: Readonly<Record<Format, string>> = {
  dotenv: 'node --env-file or python-dotenv',
  shell: 'a shell',
  json: 'a reader of JSON',
  docker: 'docker run --env-file',
  github: "GitHub's runner",
};

/** @throws StackError USAGE where the format can't carry one of the values */
export function render(variables: Variables, format: Format, isRevealed = false): string {
  const text = rendered(variables, format);
  if (typeof text === 'string') return text;
  const other = FORMATS.find((one) => one !== 'github' && typeof rendered(variables, one) === 'string') ?? 'json';
  throw new StackError('USAGE', {
    message: `the format ${format} can't carry ${text.refused}: ${READERS[format]} would read another value`,
    hint: run(`env --format ${other}${isRevealed ? ' --reveal' : ''}`),
  });
}

/** The text, or the name of the first variable that the format can't carry. */
export function rendered(variables: Variables, format: Format): string | { readonly refused: string } {
  if (format === 'json') return jsonText(variables);
  const lines: string[] = [];
  for (const [name, value] of Object.entries(variables)) {
    // No environment has it.
    const line = value.includes('\0') ? undefined : ASSIGNMENTS[format](name, value);
    if (line === undefined) return { refused: name };
    lines.push(line);
  }
  return lines.join('\n');
}

/**
 * What `node --env-file` and python-dotenv read alike. Node.js knows no escape but `\n`, in double quotes; python-dotenv takes
 * `\\` and `\'` as such in single quotes, more of them in double ones, and puts variables in place of `${…}` everywhere.
 */
function dotenvValue(value: string): string | undefined {
  // Both turn a carriage return into something else.
  if (value.includes('\r') || /\$\{[^}]*\}/.test(value)) return undefined;
  if (!value.includes("'") && !/\\\\|\\$/.test(value)) return quoted(value);
  // eslint-disable-next-line no-control-regex -- python-dotenv takes some of them for space
  if (/^[^\s'"`#\x00-\x1f\x85][^#\x00-\x1f\x85]*$/.test(value) && value.trim() === value) return value;
  return value.includes('"') || /\\[\\'abfnrtv]|\\$/.test(value) ? undefined : `"${value}"`;
}

/** Its lines between two that are none of them. */
function delimited(name: string, value: string): string {
  let delimiter = `END_OF_${name}`;
  while (value.split('\n').includes(delimiter)) delimiter += '_';
  return `${name}<<${delimiter}\n${value}\n${delimiter}`;
}

/** What a runner takes out of every log from here on. It reads the escapes of its own commands. */
export function maskCommand(secret: string): string {
  const data = secret.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  return `::add-mask::${data}`;
}
