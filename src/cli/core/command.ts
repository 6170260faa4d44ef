import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import type { Hint, RenderHint } from '../../hint.ts';
import type { ConnectionOptions, SessionNeeds } from '../../stack/session/open.ts';
import type { LabelSession, Session } from '../../stack/session/session.ts';
import type { Outcome } from './output.ts';
import type { Terminal } from './terminal.ts';

/** A command as data: what is typed, what it says of itself, and what it does. */
export interface Command {
  /** With a space for a command below another: `image build`. */
  readonly name: string;
  /** As commander writes them: `[nodes...]`. */
  readonly operands?: string;
  readonly summary: string;
  /** What each is for, by its flags: `--slots <count>`. */
  readonly options?: Readonly<Record<string, string>>;
  /** It changes the stack, and waits until no other command does. */
  readonly changes?: boolean;
  /** This program's own use: not in the help text. */
  readonly isHidden?: boolean;
  /** It changes no stack, and prints only how it went: nothing with `--quiet`, as if it did. */
  readonly isReport?: boolean;
  /** What follows `--` is for another program, named here for the help text. */
  readonly passesOn?: string;
  /** Also without `--`: from the first word on that is neither an option of ours nor the one operand. */
  readonly passesOnRest?: boolean;
  /** More for the help text, below the options. `$0` stands for what the person types to call this program. */
  readonly explanation?: string;
  /** @returns what came of it; the exit code alone where it has written all by itself, as it went on */
  readonly run: (invocation: Invocation) => Promise<Outcome | number>;
}

/** What only holds commands: `cluster` of `cluster info`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
}

/** What the help text lists under one heading. */
export interface Section {
  readonly heading: string;
  /** A group comes before what is below it. */
  readonly entries: readonly (Command | CommandGroup)[];
}

/** What was typed, as far as it is the command's own. */
export interface Typed {
  readonly operands: readonly string[];
  /** By their camel-case names. */
  readonly options: OptionValues;
  /** What stood behind `--`. */
  readonly passedOn: readonly string[];
  readonly json: boolean;
  /** No progress, and no word of a change that succeeded. */
  readonly quiet: boolean;
}

export interface Invocation extends Typed {
  readonly signal: AbortSignal;
  /** Reads the YAML file, then what else the command needs. Called by commands that work on a stack. */
  readonly openSession: (needs?: SessionNeeds) => Promise<Session>;
  /** What the session is opened with, for who finds out step by step what doesn't work. */
  readonly connection: ConnectionOptions;
  /** Reads no YAML file, and refuses one that was named. */
  readonly openByLabel: () => Promise<LabelSession>;
  /** Finds the engine only. */
  readonly openEngine: () => Promise<Engine>;
  /** For this very stack, as the person called this program. */
  readonly renderHint: RenderHint;
  /** A yes or no question. `--yes` answers it; with --json and without a terminal the answer is no. */
  readonly confirm: (question: string) => Promise<boolean>;
  /** For who writes before the outcome: a plan, a log, a service. */
  readonly terminal: Terminal;
  /** Ctrl-C and SIGTERM are this receiver's, until it is called with undefined. */
  readonly passSignals: (receiver: ((name: NodeJS.Signals) => void) | undefined) => void;
  /** Ends the live view, so that what comes next stays on the screen. */
  readonly endProgress: () => void;
}

/** A list for an option that may be given more than once. */
export type OptionValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** `--slots takes a whole number of slots, not 'many'` */
export function wrongValue(option: string, takes: string, value: OptionValues[string], hint?: Hint): StackError {
  return new StackError('USAGE', {
    message: `${option} takes ${takes}, not '${String(value)}'`,
    ...(hint !== undefined && { hint }),
  });
}

/** undefined where it isn't given. @param takes how messages call it: `a number of replicas` */
export function countOf(
  options: OptionValues,
  name: string,
  { takes = 'a whole number', hint }: { readonly takes?: string; readonly hint?: Hint } = {},
): number | undefined {
  const value = options[name];
  if (value === undefined) return undefined;
  if (typeof value === 'string' && /^\d{1,4}$/.test(value)) return Number(value);
  throw wrongValue(`--${name}`, takes, value, hint);
}

export function textOf(options: OptionValues, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

export async function timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly elapsedMs: number }> {
  const start = performance.now();
  const result = await work();
  return { result, elapsedMs: Math.round(performance.now() - start) };
}
