import type { Engine } from '../../engine/engine.ts';
import type { StackSecret } from '../../secrets/source.ts';
import type { LoadedStack } from './load.ts';
import type { OpenedSource } from './source.ts';
import type { Action } from '../../plan/model/action.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { StackError } from '../../errors.ts';
import { containerName } from '../../plan/model/names.ts';
import type { NodeSpec } from '../../spec/spec.ts';

/** What a use case works with that finds everything by its labels, and reads no YAML file. */
export type LabelSession = Pick<Session, 'engine' | 'env' | 'report' | 'signal' | 'timeoutMs' | 'confirmLock'>;

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
  /** Before each change, where others who don't see this process may have taken its lock. @throws StackError LOCKED */
  readonly confirmLock?: (() => Promise<void>) | undefined;
  /** The longest that any single wait may take. */
  readonly timeoutMs: number;
}

/** What happens, as it happens. A view makes lines, a live list or JSON of it. */
export interface ProgressEvent {
  /** The thing that it is about: `engine`, `image redis:7-alpine`, `dev-redis-1`, `cluster`. */
  readonly subject: string;
  readonly state: 'running' | 'done' | 'warning' | 'failed';
  readonly text: string;
  /** What is carried out; its text is the line of `plan`. */
  readonly action?: Action;
  /** What to do about it. */
  readonly hint?: Hint;
}

export type Report = (event: ProgressEvent) => void;

/** A node by the name that the YAML file gives it, or by its container's. @throws StackError USAGE */
export function findNode({ spec }: Pick<Session, 'spec'>, name: string): NodeSpec {
  const node = spec.nodes.find((one) => one.name === name || containerName(spec.name, one.name) === name);
  if (node !== undefined) return node;
  throw new StackError('USAGE', {
    message: `there is no node '${name}' in the stack ${spec.name}`,
    hint: `Its nodes are: ${spec.nodes.map((one) => one.name).join(', ')}`,
  });
}

/**
 * A host that is away keeps what it has to itself.
 *
 * @param refused what is not done without it, where the message is to say so
 * @throws StackError ENGINE_UNREACHABLE where one of these nodes is on it
 */
export function requireHosts({ engine }: Pick<Session, 'engine'>, nodes: readonly NodeSpec[], refused?: string): void {
  const lost = nodes.find(({ host = '' }) => engine.away().has(host));
  if (lost === undefined) return;
  throw new StackError('ENGINE_UNREACHABLE', {
    message: `the host ${lost.host ?? ''} of ${lost.name} does not answer${refused === undefined ? '' : `, so ${refused}; nothing was changed`}`,
    hint: hint`Start it, then: ${run('up')}`,
  });
}

export function notRunning(container: string): StackError {
  return new StackError('NOT_RUNNING', {
    message: `the container ${container} of this stack does not run`,
    hint: run('up'),
  });
}
