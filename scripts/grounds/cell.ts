import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { serverImage, type ServerImageName } from '../../test/helpers/server-images.ts';
import { dockerOf, testEngine } from '../../test/helpers/test-stack.ts';
import { startEngine } from './engine.ts';
import type { EngineName } from './engines.ts';
import { engineRoot } from './root.ts';

export interface Outcome {
  readonly is: 'passed' | 'failed' | 'not enforced';
  /** Why, in the program's own words. */
  readonly message?: string;
}

export interface StepReport extends Outcome {
  readonly name: string;
  readonly seconds: number;
}

/** One engine with one server. */
export interface Cell {
  readonly engine: EngineName;
  readonly engineVersion: string;
  readonly server: ServerImageName;
  /** `8.1.1`, as it says itself; missing where it never answered. */
  readonly serverVersion?: string;
  readonly steps: readonly StepReport[];
}

/** Why there is no cell. */
export interface Skipped {
  readonly reason: string;
}

export interface CellOptions {
  readonly isShort?: boolean;
  readonly signal?: AbortSignal;
  readonly onStep?: (step: StepReport) => void;
}

/** An engine is started for it, and removed, however it ends. */
export async function walkCell(
  engine: EngineName,
  server: ServerImageName,
  { isShort = false, signal, onStep }: CellOptions = {},
): Promise<Cell | Skipped> {
  const machines = await testEngine();
  const found = await serverImage(machines, server);
  if ('reason' in found) return found;
  const packages = await engineRoot(engine);
  if ('reason' in packages) return packages;
  signal?.throwIfAborted();
  const ground = await startEngine(engine, packages.root);
  try {
    await ground.docker.loadImage(await dockerOf(machines).getImage(found.image).get());
    const temporary = join(ground.folder, 'tmp');
    mkdirSync(temporary);
    const script = ['--import', 'tsx', 'scripts/grounds/story.ts', found.image, ...(isShort ? ['short'] : [])];
    // From here on, whoever ends it is heard.
    signal?.throwIfAborted();
    const [command = '', ...args] = [...ground.enter, process.execPath, ...script];
    const env = { ...process.env, DOCKER_HOST: ground.host, TMPDIR: temporary };
    const story = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = once(story, 'close');
    // Its programs too, which are of its group.
    const kill = (): void => void process.kill(-(story.pid ?? 0), 'SIGKILL');
    signal?.addEventListener('abort', kill);
    let said = '';
    story.stderr.on('data', (chunk) => (said += String(chunk)));
    const steps: StepReport[] = [];
    let version = {};
    for await (const line of createInterface({ input: story.stdout })) {
      const told = JSON.parse(line) as StepReport | Required<Pick<Cell, 'serverVersion'>>;
      if ('serverVersion' in told) version = told;
      else {
        steps.push(told);
        onStep?.(told);
      }
    }
    const [exitCode] = (await ended) as [number | null];
    signal?.removeEventListener('abort', kill);
    signal?.throwIfAborted();
    if (exitCode !== 0) throw new Error(`the story on ${engine} with ${server} broke off\n${said.slice(-4000)}`);
    return { engine, engineVersion: ground.version, server, ...version, steps };
  } finally {
    await ground.remove();
  }
}
