import { isPhantom } from '../../cluster/nodes/bootstrap-table.ts';
import { list, slotsText } from '../../cluster/findings/finding.ts';
import { rangesOf, formatRange, formatRanges, type SlotMove, type SlotRange } from '../../cluster/slots/slots.ts';
import type { HostPort } from './resources.ts';

/** What every kind of action has beside its own arguments. */
interface Step {
  /** The resource or the node that it is about. */
  readonly target: string;
  /** Why, as a person reads it: `missing`, `redis.conf differs: maxmemory`. */
  readonly cause: string;
  /** It gives up data, or may. The command line asks first; the planner never does. */
  readonly destructive: boolean;
  /** Keys of the actions of the same plan that have to be done first; all others may run at the same time. */
  readonly after: readonly string[];
}

/** No arguments. */
type Nothing = unknown;

/** The closed set of all that a plan may ask for: each type with its own arguments. One action is one call, or one proven effect. */
interface Arguments {
  // The container engine.
  /** `host`: of several, the one that has a network of that name for itself. */
  readonly 'create network': { readonly host?: string };
  readonly 'remove network': { readonly host?: string };
  readonly 'create container': Nothing;
  readonly 'update container': Nothing;
  readonly 'disconnect container': Nothing;
  readonly 'connect container': Nothing;
  readonly 'configure container': Nothing;
  readonly 'configure and seed container': Nothing;
  readonly 'start container': Nothing;
  /** Until it answers: only a node that runs can write its keys to another file. */
  readonly 'start container to save keys': Nothing;
  readonly 'unpause container': Nothing;
  /** `intoDump`: its last keys are in dump.rdb when it has stopped, or the action fails. */
  readonly 'stop container': { readonly intoDump?: true };
  readonly 'restart container': Nothing;
  readonly 'remove container': Nothing;
  readonly 'remove half-made volume': Nothing;
  /** `host`: of several, the one that it is on. */
  readonly 'remove volume': { readonly host?: string };
  // The process of the host through which clients come in.
  readonly 'start proxy': Nothing;
  /** It has the YAML file's new nodes, and keeps every connection. */
  readonly 'reload proxy': ProxyProcess;
  readonly 'restart proxy': ProxyProcess;
  readonly 'stop proxy': ProxyProcess;
  // What a node that runs is told.
  readonly 'save keys': { readonly into: 'dump.rdb' | 'append-only file' };
  /** BGSAVE. What kept the last one from its end may be over, and Redis doesn't try again by itself. */
  readonly 'save dump': Nothing;
  readonly 'accept password': Nothing;
  readonly 'send password': Nothing;
  readonly 'drop other passwords': Nothing;
  readonly 'renew certificate': Nothing;
  /** Nobody can tell the node of it: no port is open that this host could verify. */
  readonly 'renew certificate and restart': Nothing;
  /** CONFIG SET. `isByHand`: its files have the value already, only the server was told otherwise. */
  readonly 'set config': { readonly name: string; readonly value: string; readonly isByHand: boolean };
  readonly 'write configuration': Nothing;
  // The cluster.
  /** CLUSTER FAILOVER TAKEOVER. `lost`: the node that starts empty at the address that it copied. */
  readonly 'take over': { readonly lost?: string };
  readonly forget: { readonly nodeId: string };
  readonly meet: { readonly ip: string; readonly port: number; readonly busPort: number };
  readonly 'add slots': { readonly range: SlotRange };
  readonly replicate: { readonly primaryId: string; readonly primary: string };
  readonly 'bump epoch': Nothing;
  /** On every node. */
  readonly 'forget owner': { readonly nodeId: string };
  readonly 'restore node table': { readonly table: string };
  readonly 'repair slots': SlotRepair;
  /** Every pair of nodes of one plan together: a node is in one move at a time, and none begins before all are marked. */
  readonly 'move slots': { readonly moves: readonly SlotMove[] };
  readonly 'reset node': Nothing;
  readonly 'remove node': Nothing;
  /** The target takes over from its primary, which answers. */
  readonly 'fail over': { readonly from: string };
}

/** One that runs. The target is where it listens. */
interface ProxyProcess {
  readonly pid: number;
  readonly addresses: readonly HostPort[];
}

/** Slots of which the same is to be done, all by names of nodes. */
export interface SlotRepair {
  readonly slots: readonly number[];
  /** Who owns them in the end. */
  readonly destination: string;
  /** Who owns them now; undefined where nobody does. */
  readonly owner: string | undefined;
  /** Others that say so too, of lower epochs. */
  readonly losers: readonly string[];
  /** Who else has keys of them. */
  readonly holders: readonly string[];
  /** Those of `holders` whose copy gives way to the owner's: they read it from files of before. */
  readonly outdated: readonly string[];
  /** Keys that have to move. */
  readonly keyCount: number;
  /** Where they are open. */
  readonly openOn: readonly string[];
  /** Primaries that believe in another owner. */
  readonly misled: readonly string[];
  /** Gossip would not be believed: somebody knows of an owner with a higher epoch, or with the same. */
  readonly needsEpoch: boolean;
}

export type ActionType = keyof Arguments;
export type ActionOf<T extends ActionType> = T extends ActionType ? Step & Arguments[T] & { readonly type: T } : never;
export type Action = ActionOf<ActionType>;

/** An action that gives up no data and waits for no other, unless `more` says so. */
export function newAction<T extends ActionType>(
  type: T,
  target: string,
  cause: string,
  ...[args, more]: object extends Arguments[T]
    ? [args?: Arguments[T], more?: Partial<Pick<Step, 'destructive' | 'after'>>]
    : [args: Arguments[T], more?: Partial<Pick<Step, 'destructive' | 'after'>>]
): ActionOf<T> {
  const step = { type, target, cause, destructive: false, after: [] };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is put together for any T is not seen as one T
  return Object.assign(step, args, more) as unknown as ActionOf<T>;
}

/** The key of an action without arguments. */
export function keyOf(type: ActionType, target: string): string {
  return `${type} ${target}`;
}

/** What makes it this action and no other, however its cause, the number of keys or a rebuilt table changes meanwhile. */
export function actionKey(action: Action): string {
  const { type, target, cause: _cause, destructive: _destructive, after: _after, ...args } = action;
  const identity = JSON.stringify({ ...args, keyCount: undefined, intoDump: undefined, table: undefined });
  return identity === '{}' ? keyOf(type, target) : `${keyOf(type, target)} ${identity}`;
}

/** The stable text of a plan: one line an action, with its cause. `up` reports the same lines. */
export function planText(actions: readonly Action[]): string {
  return actions.map((action) => `${sign(action)} ${actionText(action)}\n`).join('');
}

/** `create container dev-redis-1  (missing)` */
export function actionText(action: Action): string {
  return `${sentence(action)}  (${action.cause})`;
}

function sign({ type, destructive }: Action): string {
  if (destructive) return '!';
  if (type.startsWith('create')) return '+';
  return type.startsWith('remove') ? '-' : '~';
}

function sentence(action: Action): string {
  const { type, target } = action;
  switch (type) {
    case 'create network':
    case 'remove network':
      return `${type} ${target}${action.host === undefined ? '' : ` on ${action.host}`}`;
    case 'start container to save keys':
      return `start container ${target}, to save its keys`;
    case 'stop container':
      return action.intoDump === true ? `${type} ${target}, its last keys in dump.rdb` : `${type} ${target}`;
    case 'start proxy':
      return `start proxy at ${target}`;
    case 'reload proxy':
    case 'restart proxy':
    case 'stop proxy':
      return `${type} at ${target}, process ${action.pid}`;
    case 'remove volume':
      return action.host === undefined ? `${type} ${target}` : `${type} ${target} on ${action.host}`;
    case 'save keys':
      return `save keys of ${target} to ${action.into}`;
    case 'save dump':
      return `save a dump of ${target}`;
    case 'set config':
      return `set ${action.name} ${action.value} on ${target}`;
    case 'forget':
      return `forget ${nodeText(action.nodeId)} on ${target}`;
    case 'forget owner':
      return `forget ${nodeText(action.nodeId)} on every node`;
    case 'meet':
      return `meet ${action.ip}:${action.port} from ${target}`;
    case 'add slots':
      return `add slots ${formatRange(action.range)} to ${target}`;
    case 'replicate':
      return `replicate ${action.primary} on ${target}`;
    case 'repair slots':
      return repairSentence(action);
    case 'move slots':
      return `move slots ${action.moves.map(moveText).join(', ')}`;
    case 'fail over':
      return `fail over from ${action.from} to ${target}`;
    case 'remove node':
      return `remove node ${target} from the cluster`;
    default:
      return `${type} ${target}`;
  }
}

function nodeText(id: string): string {
  return isPhantom(id) ? `placeholder ${Number.parseInt(id.slice(-8), 16) + 1}` : id.slice(0, 8);
}

function repairSentence({ slots, destination, owner, holders, keyCount }: SlotRepair): string {
  const what = slotsText(rangesOf(slots));
  const keys = keyCount === 0 ? '' : `, with ${keyCount} ${keyCount === 1 ? 'key' : 'keys'} from ${list(holders)}`;
  if (owner === undefined) return `give ${what} to ${destination}${keys}`;
  return owner === destination ? `settle ${what} on ${destination}${keys}` : `move ${what} to ${destination}${keys}`;
}

/** `redis-1 → redis-3 1000 (0-999)` */
function moveText({ from, to, slots }: SlotMove): string {
  return `${from} → ${to} ${slots.length} (${formatRanges(rangesOf(slots))})`;
}
