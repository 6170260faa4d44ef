import { setMaxListeners } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectDocker } from '../../../src/engine/docker.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { locateEngine } from '../../../src/engine/locate.ts';
import { StackError } from '../../../src/errors.ts';
import type { ServerName } from '../../../src/plan/model/resources.ts';
import { resolveImage } from '../../../src/stack/observe/image.ts';

/** What every part of the bench works with. */
export interface Bench {
  readonly engine: Engine;
  /** The reference of the image from which everything is made, the peers' containers included. */
  readonly image: string;
  /** How its programs are called. */
  readonly server: ServerName;
  /** For the YAML files, the passwords and the peers' files. Gone at the end. */
  readonly folder: string;
  readonly rounds: number;
  /** Also what takes minutes. */
  readonly slow: boolean;
  /** Aborted by Ctrl-C. The engine doesn't listen to it: what was made has to be cleared away all the same. */
  readonly signal: AbortSignal;
  readonly note: (text: string) => void;
  /** Names of the stacks that were prepared. */
  readonly stackNames: Set<string>;
}

export interface BenchOptions {
  readonly rounds: number;
  readonly slow: boolean;
  readonly signal: AbortSignal;
}

/** The longest that any single wait of the bench may take. */
export const LONGEST_WAIT_MS = 120_000;

export async function openBench(options: BenchOptions): Promise<Bench> {
  const never = new AbortController().signal;
  // Every call of the engine that is under way listens: many at once are no leak.
  setMaxListeners(0, never, options.signal);
  const bounds = { signal: never, timeoutMs: LONGEST_WAIT_MS };
  const engine = await connectDocker(await locateEngine({ env: process.env }), bounds);
  const wanted = process.env['BENCH_IMAGE'] ?? 'redis:7-alpine';
  const image = await resolveImage(engine, wanted);
  if (image === undefined) {
    throw new StackError('IMAGE_UNAVAILABLE', {
      message: `${wanted} is not on this engine, and no local image stands in for it`,
      hint: `docker pull ${wanted}, or, for redis:7-alpine: npx tsx manage.ts image build`,
    });
  }
  return {
    ...options,
    engine,
    image: image.reference,
    server: image.server,
    folder: await mkdtemp(join(tmpdir(), 'bench-')),
    note: (text) => void process.stderr.write(`${text}\n`),
    stackNames: new Set(),
  };
}

export async function closeBench({ folder }: Bench): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}
