import { list } from '../../cluster/findings/finding.ts';
import { hint, run, type Hint } from '../../hint.ts';
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
  /** Users that a person made → a digest of their rules and passwords. */
  readonly users: ReadonlyMap<string, string>;
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

/** Something that a person should see, and that is not for this program to change. */
export interface Notice {
  readonly text: string;
  readonly hint: Hint;
}

/**
 * Users that a person made and that are not the same on every node: a client of the cluster is refused by some of them.
 * Which of the nodes is right can't be seen from here (a user may be new on one, or just deleted there), so nothing is
 * copied and nothing removed.
 */
export function findUserDifferences(states: readonly PasswordState[]): Notice[] {
  const names = new Set(states.flatMap(({ users }) => [...users.keys()]));
  return [...names].toSorted().flatMap((user): Notice[] => {
    const missing = states.filter(({ users }) => !users.has(user));
    const having = states.filter(({ users }) => users.has(user));
    const isOne = new Set(having.map(({ users }) => users.get(user))).size < 2;
    const parts = [
      ...(missing.length === 0 ? [] : [`is missing on ${list(missing.map(({ node }) => node))}`]),
      ...(isOne
        ? []
        : [`has other rules or passwords on one of ${list(having.map(({ node }) => node))} than on another`]),
    ];
    const [example] = having;
    if (parts.length === 0 || example === undefined) return [];
    const look = run(`redis-cli ${example.node} -- ACL LIST`);
    return [
      {
        text: `the user ${user} ${parts.join(' and ')}`,
        hint: hint`${look}   # its rules; ACL SETUSER and ACL SAVE give them to another node, ACL DELUSER removes it`,
      },
    ];
  });
}
