import { newAction, type ActionOf } from '../model/action.ts';

/** What one node knows of passwords, compared with the one that is wanted. */
export interface PasswordState {
  readonly node: string;
  /** A client may log in with the wanted password. */
  readonly acceptsWanted: boolean;
  /** … and with another one. */
  readonly acceptsOthers: boolean;
  /** As a replica it logs in at its primary with the wanted password. */
  readonly sendsWanted: boolean;
}

export type PasswordAction = ActionOf<'accept password' | 'send password' | 'drop other passwords'>;

/**
 * The next steps from whatever password the nodes have to the wanted one, without a moment in which a client or a replica
 * is turned away. Three steps, and none begins before the last is done on every node:
 *
 * 1. Every node accepts the wanted password beside its own.
 * 2. Every replica logs in with the wanted one. Sooner, its primary might not know it yet.
 * 3. The others are dropped. Sooner, a replica might still need them.
 *
 * Wherever this was interrupted, the states tell how far it came.
 */
export function planPassword(states: readonly PasswordState[]): PasswordAction[] {
  const cause = 'the password changed';
  const step = (type: PasswordAction['type'], todo: readonly PasswordState[]): PasswordAction[] =>
    todo.map(({ node }) => newAction(type, node, cause));
  const refusing = states.filter(({ acceptsWanted }) => !acceptsWanted);
  if (refusing.length > 0) return step('accept password', refusing);
  const sendingOthers = states.filter(({ sendsWanted }) => !sendsWanted);
  if (sendingOthers.length > 0) return step('send password', sendingOthers);
  return step(
    'drop other passwords',
    states.filter(({ acceptsOthers }) => acceptsOthers),
  );
}
