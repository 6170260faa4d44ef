/** A snippet as a program that runs: as it is printed, or with writes that go on in the place of its one. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import type { SnippetConnection } from '../../src/api/snippets/reach.ts';
import { connectionSnippets } from '../../src/api/snippets/snippets.ts';
import { hintRenderer } from '../../src/hint.ts';
import { poll } from '../../src/poll.ts';
import type { Client } from './clients.ts';
import type { Loopback } from './loopback.ts';

/** Where a client runs. */
export interface Place {
  readonly client: Client;
  /** Of its own. */
  readonly folder: string;
  readonly loopback: Loopback;
}

/** Lettuce gives a command a minute. */
const HANG_MS = 120_000;
const renderHint = hintRenderer({ program: 'npx tsx manage.ts', file: undefined, host: undefined });

/** The program as it is printed. */
export function snippetOf({ snippet }: Client, connection: SnippetConnection): string {
  const code = connectionSnippets(connection, renderHint).find(({ language }) => language.endsWith(snippet))?.code;
  if (code === undefined) throw new Error(`no snippet for ${snippet}`);
  return code;
}

/** The same connection. @throws Error where the snippet isn't as it was */
export function steadySnippetOf(client: Client, connection: SnippetConnection): string {
  return client.steady.reduce(
    (program, [shown, instead]) => {
      if (!shown.test(program)) throw new Error(`the snippet of ${client.snippet} has no ${String(shown)}`);
      return program.replace(shown, () => instead);
    },
    snippetOf(client, connection),
  );
}

/** Runs the snippet. @param untilError some clients try again for ever */
export async function runSnippet(
  place: Place,
  connection: SnippetConnection,
  { untilError = false } = {},
): Promise<{ readonly answered: boolean; readonly said: string | undefined }> {
  const child = await start(place, snippetOf(place.client, connection), 'hello');
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  child.stderr?.on('data', () => {
    if (untilError && lastWords(stderr()) !== undefined) setTimeout(() => child.kill('SIGKILL'), 1000);
  });
  await ended(child);
  return { answered: stdout().trim() === 'world', said: lastWords(stderr()) };
}

/** A client that writes key after key. */
export interface Writer {
  /** The keys whose write was answered, and what they hold. */
  readonly written: ReadonlyMap<string, string>;
  readonly errors: readonly string[];
  /** Until so many writes in a row are answered. @throws Error where they don't come */
  goOn(count: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startWriter(place: Place, connection: SnippetConnection, kind: string): Promise<Writer> {
  const stop = join(place.folder, `stop-${kind}`);
  rmSync(stop, { force: true });
  const KEY = `${place.client.snippet}:${kind}:`;
  const child = await start(place, steadySnippetOf(place.client, connection), kind, { STOP: stop, KEY });
  const written = new Map<string, string>();
  const errors: string[] = [];
  let inARow = 0;
  const stderr = textOf(child.stderr);
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => {
      const [, sign, number = '', error = ''] = /^([+-])(\d+) ?(.*)$/.exec(line) ?? [];
      inARow = sign === '+' ? inARow + 1 : 0;
      if (sign === '+') written.set(KEY + number, number);
      if (sign === '-') errors.push(error);
    });
  }
  return {
    written,
    errors,
    goOn: async (count) => {
      inARow = 0;
      const { signal } = new AbortController();
      await poll(
        () => Promise.resolve(inARow),
        (answered) => answered >= count || child.exitCode !== null,
        { signal, timeoutMs: HANG_MS },
      );
      if (inARow < count) throw new Error(`stops: ${errors.at(-1) ?? lastWords(stderr()) ?? ''}`);
    },
    stop: async () => {
      writeFileSync(stop, '');
      await ended(child);
    },
  };
}

async function start(
  { client, folder, loopback }: Place,
  program: string,
  kind: string,
  env: NodeJS.ProcessEnv = {},
): Promise<ChildProcess> {
  mkdirSync(join(folder, kind), { recursive: true });
  const file = join(folder, kind, client.file);
  writeFileSync(file, program);
  await client.build?.(folder, file);
  const [command = '', ...args] = loopback.enter(client.command(folder, file));
  return spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const hang = setTimeout(() => child.kill('SIGKILL'), HANG_MS);
  await once(child, 'close');
  clearTimeout(hang);
}

function textOf(stream: Readable | null): () => string {
  let all = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    all += text;
  });
  return () => all;
}

/** Of an error: the last line that names one. */
function lastWords(text: string): string | undefined {
  return text.split('\n').findLast((line) => /^(?:panic: |.*(?:Error|Exception)\b)/.test(line));
}
