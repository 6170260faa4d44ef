import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { endText } from './program.ts';

export interface ShardFigures {
  /** Writes that a primary has answered, and those of them that one of its replicas had then, too. */
  readonly acknowledged: number;
  readonly counted: number;
  /** Since the last that was answered; and the longest time between two. */
  readonly silentMs: number;
  readonly longestMs: number;
  /** With CLUSTERDOWN. */
  readonly refused: number;
  readonly lastFailure: string;
}

export interface Figures {
  /** By the hash tag of its keys. */
  readonly shards: Readonly<Record<string, ShardFigures>>;
  /** Keys that count and aren't there; only after its end. */
  readonly lost?: readonly string[];
}

/** An application that writes, seen from the test: test/helpers/counted-writes.ts. */
export interface CountedWriter {
  of(tag: string): ShardFigures;
  /** Stops it, and has it read all that counts. */
  finish(): Promise<Figures>;
  kill(): void;
}

/**
 * @param launcher a command before it, which becomes this very process: `nsenter --net=… --`
 * @param env what `env` prints for an application
 */
export async function startCountedWriter(
  launcher: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CountedWriter> {
  const [command, ...args] = [...launcher, process.execPath, '--import', 'tsx', 'test/helpers/counted-writes.ts'];
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  let [last, stderr]: [Figures, string] = [{ shards: {} }, ''];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => (last = JSON.parse(line) as Figures));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const closed = once(child, 'close');
  await Promise.race([once(lines, 'line'), closed]);
  const of = (tag: string): ShardFigures => {
    const figures = last.shards[tag];
    if (figures === undefined) throw new Error(`the writer says nothing: ${stderr}`);
    return figures;
  };
  return {
    of,
    finish: async () => {
      child.stdin.end('stop\n');
      const [exitCode, signal] = (await closed) as [number | null, NodeJS.Signals | null];
      if (last.lost === undefined) throw new Error(endText({ exitCode, signal, stdout: '', stderr, elapsedMs: 0 }));
      return last;
    },
    kill: () => void child.kill('SIGKILL'),
  };
}
