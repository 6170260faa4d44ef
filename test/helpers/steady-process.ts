/**
 * Steady writers in a process of their own, so that they can be on the nodes' network. It is given the nodes' addresses, as
 * `env --format json --reveal` has them; at a line on stdin it stops, and prints what it found: see `SteadyEnd`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { connectAs } from './cluster-client.ts';
import { writeSteadily } from './steady-writer.ts';

export interface SteadyEnd {
  readonly mostFailedInARow: number;
  readonly failed: number;
  readonly acknowledged: number;
  /** Acknowledged writes that are not there any more. */
  readonly lost: readonly string[];
}

/** @param launcher a command before it, which becomes this very process */
export function startSteadyProcess(launcher: readonly string[], env: NodeJS.ProcessEnv): () => Promise<SteadyEnd> {
  const [command, ...rest] = [...launcher, process.execPath, '--import', 'tsx', import.meta.filename];
  const child = spawn(command, rest, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  const answer = text(child.stdout);
  return async () => {
    child.stdin.end('\n');
    return JSON.parse(await answer) as SteadyEnd;
  };
}

async function run(): Promise<void> {
  const writers = writeSteadily([connectAs(process.env), connectAs(process.env)]);
  await once(process.stdin, 'data');
  const figures = await writers.stop();
  process.stdout.write(JSON.stringify({ ...figures, lost: await writers.findLost() }));
  process.exit(0);
}

if (process.argv[1] === import.meta.filename) void run();
