import type { Engine } from '../../engine/engine.ts';
import type { ConnectionOptions, SessionNeeds } from '../../stack/session/open.ts';
import type { LabelSession, Session } from '../../stack/session/session.ts';
import type { Terminal } from './terminal.ts';

/** A command as data: what is typed, what it says of itself, and what it does. */
export interface Command {
  /** With a space for a command below another: `image build`. */
  readonly name: string;
  /** As commander writes them: `[nodes...]`. */
  readonly operands?: string;
  readonly summary: string;
  readonly options?: readonly CommandOption[];
  /** It changes the stack, and waits until no other command does. */
  readonly changes?: boolean;
  /** What follows `--` is for another program, named here for the help text. */
  readonly passesOn?: string;
  /** @returns the exit code. */
  readonly run: (invocation: Invocation) => Promise<number>;
}

export interface CommandOption {
  readonly flags: string;
  readonly summary: string;
}

export interface Invocation {
  readonly operands: readonly string[];
  /** By their camel-case names. */
  readonly options: OptionValues;
  /** What stood behind `--`. */
  readonly passedOn: readonly string[];
  readonly terminal: Terminal;
  readonly json: boolean;
  readonly signal: AbortSignal;
  /** The checkout's folder. */
  readonly root: string;
  /** The longest that any single wait may take. */
  readonly timeoutMs: number;
  /** Reads the YAML file, then what else the command needs. Called by commands that work on a stack. */
  readonly openSession: (needs?: SessionNeeds) => Promise<Session>;
  /** What the session is opened with, for who finds out step by step what doesn't work. */
  readonly connection: ConnectionOptions;
  /** Reads no YAML file, and refuses one that was named. */
  readonly openByLabel: () => Promise<LabelSession>;
  /** Finds the engine only. */
  readonly openEngine: () => Promise<Engine>;
  /** Ends the live view, so that what comes next stays on the screen. */
  readonly endProgress: () => void;
}

/** A list for an option that may be given more than once. */
export type OptionValues = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
