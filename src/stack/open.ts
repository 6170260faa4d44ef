import { join } from 'node:path';
import { connectDocker } from '../engine/docker.ts';
import type { Engine } from '../engine/engine.ts';
import { locateEngine } from '../engine/locate.ts';
import { loadStack } from './load.ts';
import type { Report } from './progress.ts';
import type { Session } from './session.ts';

export interface ConnectionOptions {
  /** The YAML file; by default the one in this checkout, from whatever folder the program is started. */
  readonly file: string | undefined;
  /** The checkout's folder. */
  readonly root: string;
  readonly host: string | undefined;
  readonly timeoutMs: number;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly report: Report;
}

/** The YAML file first: with a mistake in it, nothing else is even asked. */
export async function openSession(options: ConnectionOptions): Promise<Session> {
  const stack = await loadStack(options.file ?? join(options.root, 'infra/dev-services.yaml'));
  const { env, signal, timeoutMs, report } = options;
  return { ...stack, engine: await openEngine(options), env, signal, timeoutMs, report };
}

export async function openEngine({ host, env, signal, timeoutMs }: ConnectionOptions): Promise<Engine> {
  return connectDocker(await locateEngine({ host, env }), { signal, timeoutMs });
}
