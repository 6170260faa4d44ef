/**
 * What a plan is made of: data, one action a call, from a closed set. `after` names the actions that have to be done
 * first; all others may run at the same time.
 */
export interface Action {
  readonly type: ActionType;
  /** The resource that the call is about. */
  readonly target: string;
  /** Why, as a person reads it: `missing`, `its definition changed`. */
  readonly cause: string;
  /** It deletes data. The command line asks first; the planner never does. */
  readonly destructive: boolean;
  readonly after: readonly string[];
}

export type ActionType =
  | 'create network'
  | 'remove network'
  | 'create container'
  | 'update container'
  | 'disconnect container'
  | 'connect container'
  | 'configure container'
  | 'configure and seed container'
  | 'start container'
  | 'unpause container'
  | 'stop container'
  | 'restart container'
  | 'remove container'
  | 'remove half-made volume'
  | 'remove volume';

/** One call that deletes no data, and waits for no other. */
export function newAction(type: ActionType, target: string, cause: string): Action {
  return { type, target, cause, destructive: false, after: [] };
}

/** How an action reads when it is done. */
export const DONE_TEXT: Readonly<Record<ActionType, string>> = {
  'create network': 'network created',
  'remove network': 'network removed',
  'create container': 'container created',
  'update container': 'limits changed',
  'disconnect container': 'taken off a network',
  'connect container': 'connected to its network',
  'configure container': 'configured',
  'configure and seed container': 'configured for a new cluster',
  'start container': 'started',
  'unpause container': 'unpaused',
  'stop container': 'stopped',
  'restart container': 'restarted',
  'remove container': 'container removed',
  'remove half-made volume': 'half-made volume removed',
  'remove volume': 'data deleted',
};

export function actionKey({ type, target }: Pick<Action, 'type' | 'target'>): string {
  return `${type} ${target}`;
}

/** The stable text that `plan` prints: one line an action, with its cause. */
export function planText(actions: readonly Action[]): string {
  return actions.map((action) => `${sign(action)} ${actionKey(action)}  (${action.cause})\n`).join('');
}

function sign({ type, destructive }: Action): string {
  if (destructive) return '!';
  if (type.startsWith('create')) return '+';
  return type.startsWith('remove') ? '-' : '~';
}
