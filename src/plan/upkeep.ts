import { isOwn } from './model/names.ts';
import type { Action, ActionType } from './model/action.ts';
import type { Observed } from './model/observed.ts';
import type { Scene } from './scene.ts';

/** What somebody changed by hand stays as it is, and so does whatever gives up keys or ends a node: that is for `up`. */
const UPKEEP: ReadonlySet<ActionType> = new Set([
  'create network',
  'create container',
  'connect container',
  'disconnect container',
  'configure container',
  'configure and seed container',
  'start container',
  'unpause container',
  'stop container',
  'remove container',
  'remove half-made volume',
  'start proxy',
  'reload proxy',
  'restart proxy',
  'accept password',
  'send password',
  'drop other passwords',
  'renew certificate',
  'take over',
  'forget',
  'meet',
  'add slots',
  'replicate',
  'bump epoch',
  'forget owner',
  'restore node table',
  'repair slots',
]);

/** Those of a phase's actions that are upkeep. Where one of them would end a node that runs, no more than starts. */
export function upkeepOf(planned: readonly Action[], { upkeep, wanted, engine }: Scene): readonly Action[] {
  if (upkeep === undefined) return planned;
  const names = new Set([...wanted.containers.values()].map(({ name }) => name));
  const isRunning = (target: string): boolean => stateOf(engine, target) === 'running';
  const endsOne = planned.some(
    ({ type, target }) => type === 'remove network' || (ENDS.has(type) && isRunning(target)),
  );
  if (upkeep === 'starts' || endsOne) return planned.filter((action) => isStart(action, planned, engine));
  return planned.filter(
    ({ type, target, destructive }) => UPKEEP.has(type) && !destructive && (!ENDS.has(type) || names.has(target)),
  );
}

const ENDS: ReadonlySet<ActionType> = new Set(['stop container', 'remove container']);

/** Of a container that has run before, and is to stay as it is. */
function isStart({ type, target }: Action, planned: readonly Action[], engine: Observed): boolean {
  if (type === 'unpause container') return true;
  const isReplaced = planned.some((one) => ENDS.has(one.type) && one.target === target);
  return type === 'start container' && stateOf(engine, target) === 'exited' && !isReplaced;
}

function stateOf({ containers }: Observed, target: string): string | undefined {
  return containers.find(({ name }) => name === target)?.state;
}

/** No container is left where one can be seen: `down` does that, and no failure. */
export function isTakenDown(stack: string, { containers }: Observed): boolean {
  return !containers.some(isOwn(stack));
}
