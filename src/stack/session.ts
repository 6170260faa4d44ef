import type { Engine } from '../engine/engine.ts';
import type { Report } from './progress.ts';
import type { LoadedStack } from './load.ts';

/** What every use case works with. */
export interface Session extends LoadedStack {
  readonly engine: Engine;
  readonly report: Report;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C, with the StackError to end with as its reason. */
  readonly signal: AbortSignal;
  /** The longest that any single wait may take. */
  readonly timeoutMs: number;
}
