/** A command of this program, to be copied. How a person calls it, and for which stack, is known at the front door only. */
interface OwnCommand {
  /** As it would be typed behind the program's name: `cluster failover redis-2 --force`. */
  readonly run: string;
}

/** What to do next: words, with own commands among them. */
export type Hint = string | readonly (string | OwnCommand)[];

/** The hint that is nothing but this command. */
export function run(words: string): Hint {
  return [{ run: words }];
}

/** Words around hints: hint`Correct the YAML file, then: ${run('up')}`. */
export function hint(texts: TemplateStringsArray, ...values: readonly (Hint | number)[]): Hint {
  return texts.flatMap((text, index) => {
    const value = values[index] ?? '';
    return [text, ...(typeof value === 'object' ? value : [String(value)])];
  });
}

/** What a person typed, as far as a command to be copied has to repeat it. */
export interface Typed {
  /** `npx redis-cluster` */
  readonly program: string;
  /** undefined for the default one. */
  readonly file: string | undefined;
  readonly host: string | undefined;
}

export type RenderHint = (hint: Hint) => string;

export function hintRenderer(typed: Typed): RenderHint {
  return (given) => {
    const parts = typeof given === 'string' ? [given] : given;
    return parts.map((part) => (typeof part === 'string' ? part : commandText(part.run, typed))).join('');
  };
}

/** They read no stack's file, or refuse one. */
const WITHOUT_FILE = /^(image build|down .*--(name|all-stale))\b|--help$/;
/** `serve --host` is where it listens; another command may name another engine itself. */
const WITHOUT_HOST = /^serve\b|--help$| --host /;

function commandText(words: string, { program, file, host }: Typed): string {
  const [own = '', ...passedOn] = words.split(/(?= -- )/);
  const stack = file === undefined || WITHOUT_FILE.test(words) ? '' : ` -f ${quoted(file)}`;
  const engine = host === undefined || WITHOUT_HOST.test(words) ? '' : ` --host ${quoted(host)}`;
  return `${program} ${own}${stack}${engine}${passedOn.join('')}`;
}

/** One word for a shell. */
export function quoted(word: string): string {
  return /^[\w./@:,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
