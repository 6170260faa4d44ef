import type { Engine } from '../../engine/engine.ts';
import type { StackSecret } from '../../secrets/source.ts';
import type { Report } from './progress.ts';
import type { LoadedStack } from './load.ts';
import type { OpenedSource } from './source.ts';

/** What a use case works with that finds everything by its labels, and reads no YAML file. */
export type LabelSession = Pick<Session, 'engine' | 'env' | 'report' | 'signal' | 'timeoutMs'>;

/** What every use case works with. */
export interface Session extends LoadedStack, OpenedSource {
  readonly engine: Engine;
  /** What the source said, for commands that begin by asking it. */
  readonly secret: StackSecret | undefined;
  /** Nobody outside this machine is asked: the password is the one that the stack's own containers hold. */
  readonly offline: boolean;
  readonly report: Report;
  readonly env: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C, with the StackError to end with as its reason. */
  readonly signal: AbortSignal;
  /** The longest that any single wait may take. */
  readonly timeoutMs: number;
}
