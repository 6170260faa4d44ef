import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { countSlots } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import type { Spec } from '../../spec/spec.ts';
import { reachableNode } from './among-nodes.ts';
import { acquaintancesOf, isAcquainted, isBlank, isLinked } from './plan-cluster.ts';

/**
 * The id of the one node that `text` means (an id, the beginning of one, or an address) and that the cluster may forget.
 *
 * @throws StackError USAGE where it is a node of the YAML file, or may be one, owns slots, or is followed
 */
export function planForget(spec: Spec, views: readonly NodeView[], text: string): string {
  const reachable = views.filter(isReachable);
  const rows = reachable.flatMap(({ table }) => table.rows);
  const meant = rows.filter((row) => isMeant(row, text));
  const own = reachable.find(({ table }) => meant.some((row) => row.id === table.myself.id));
  const strangers = strangersAmong(reachable);
  const ids = [...new Set(meant.map((row) => row.id).filter((one) => strangers.has(one)))];
  const [id] = ids;
  if (spec.nodes.some(({ name }) => name === text)) throw ofTheFile(text);
  if (id === undefined && own !== undefined) throw ofTheFile(own.name);
  // An address may be a stranger's and one of our nodes', which has it now: only the stranger can be meant.
  const isSeveral = ids.length > 1 || (own !== undefined && !text.includes(':'));
  if (id === undefined || isSeveral) throw notOne(text, isSeveral, strangers);
  rejectAbsent(spec, views, id, meant);
  const slots = Math.max(...rows.filter((row) => row.id === id).map((row) => countSlots(row.slots)));
  if (slots > 0) {
    throw new StackError('USAGE', {
      message: `${id} owns ${slots} slots: its keys may come back with it`,
      hint: run('cluster slots'),
    });
  }
  const follower = reachable.find(({ table }) => table.myself.primaryId === id);
  if (follower !== undefined) throw followed(follower.name, id, reachable);
  return id;
}

function isMeant({ id, ip, port, busPort }: NodeRow, text: string): boolean {
  const address = `${ip}:${port}`;
  return (/^[\da-f]+$/.test(text) && id.startsWith(text)) || text === address || text === `${address}@${busPort}`;
}

/** Id → who it is, for nodes that somebody knows and that none of those who answer is. */
function strangersAmong(views: readonly ReachableView[]): Map<string, string> {
  const own = new Set(views.map(({ table }) => table.myself.id));
  return new Map(
    views
      .flatMap(({ table }) => table.rows)
      .filter(({ id }) => !own.has(id))
      .map(({ id, ip, port, flags }) => [id, `${id} at ${ip || 'no address'}:${port} (${[...flags].join(',')})`]),
  );
}

function ofTheFile(name: string): StackError {
  return new StackError('USAGE', {
    message: `${name} is a node of the YAML file`,
    hint: run(`cluster remove-node ${name}`),
  });
}

function notOne(text: string, isSeveral: boolean, strangers: ReadonlyMap<string, string>): StackError {
  return new StackError('USAGE', {
    message: isSeveral ? `more than one node is meant by ${text}` : `nobody knows a node ${text}`,
    details: strangers.size === 0 ? ['every node that is known is one of the YAML file'] : [...strangers.values()],
    hint: run('cluster nodes'),
  });
}

/** A node of the YAML file that doesn't answer can't say which id it has. */
function rejectAbsent(spec: Spec, views: readonly NodeView[], id: string, meant: readonly NodeRow[]): void {
  const absent = spec.nodes.find(
    ({ name, announced }) =>
      views.some((view) => view.name === name && !view.reachable) &&
      meant.some((row) => row.id === id && (row.ip === '' || busAddress(row) === busAddress(announced))),
  );
  if (absent === undefined) return;
  throw new StackError('USAGE', {
    message: `${id} may be ${absent.name} of the YAML file, which does not answer`,
    hint: hint`${run('up')}   # then again`,
  });
}

function followed(follower: string, id: string, views: readonly ReachableView[]): StackError {
  const primary = views.find(({ table }) => table.myself.role === 'primary' && table.myself.slots.length > 0);
  return new StackError('USAGE', {
    message: `${follower} is a replica of ${id}, and a replica can't forget its own primary`,
    hint: run(`cluster replicate ${follower} --of ${primary?.name ?? 'PRIMARY'}`),
  });
}

/**
 * The nodes that have to introduce `node` to themselves; none where all know each other already. Each of them by itself: a
 * node that was just forgotten is not taken back through gossip for a minute.
 *
 * @throws StackError USAGE where two clusters would become one: of the slots that both own, one side would lose the keys
 */
export function planMeet(views: readonly NodeView[], node: string): readonly ReachableView[] {
  const newcomer = reachableNode(views, node);
  const others = views.filter(isReachable).filter((view) => view !== newcomer);
  const companions = acquaintancesOf(newcomer, others);
  const [group] = groupsOf(others).toSorted(bySlotsThenNodes);
  if (group === undefined) {
    throw new StackError('USAGE', {
      message: `no other node answers: nobody can be introduced to ${node}`,
      hint: run('up'),
    });
  }
  const isRelated = group.some((view) => companions.includes(view));
  const holder = [newcomer, ...companions].find((view) => !isBlank(view));
  const other = group.find((view) => !isBlank(view));
  if (!isRelated && holder !== undefined && other !== undefined) {
    throw new StackError('USAGE', {
      message: `${holder.name} and ${other.name} are of two clusters that both hold slots or keys: one would lose its keys`,
      hint: run('cluster nodes'),
    });
  }
  return group.filter((view) => !isAcquainted(view, newcomer) || !isAcquainted(newcomer, view));
}

/** What is still missing until `node` and each of `members` know each other and their links stand. */
export function findMeetProblems(node: string, members: readonly string[], views: readonly NodeView[]): string[] {
  const newcomer = views.filter(isReachable).find(({ name }) => name === node);
  if (newcomer === undefined) return [`${node} does not answer any more`];
  const isMet = (view: ReachableView, other: ReachableView): boolean =>
    isAcquainted(view, other) && isLinked(view, other);
  return views
    .filter(isReachable)
    .filter(({ name }) => members.includes(name))
    .flatMap((view) => [
      ...(isMet(view, newcomer) ? [] : [`${view.name} has no link to ${node} yet`]),
      ...(isMet(newcomer, view) ? [] : [`${node} has no link to ${view.name} yet`]),
    ]);
}

function groupsOf(views: readonly ReachableView[]): ReachableView[][] {
  const [first, ...rest] = views;
  if (first === undefined) return [];
  const group = [first, ...acquaintancesOf(first, rest)];
  return [group, ...groupsOf(rest.filter((view) => !group.includes(view)))];
}

/** The group that holds the slots is the cluster, however few its nodes. */
function bySlotsThenNodes(one: readonly ReachableView[], other: readonly ReachableView[]): number {
  const slots = (group: readonly ReachableView[]): number =>
    countSlots(group.flatMap(({ table }) => table.myself.slots));
  return slots(other) - slots(one) || other.length - one.length;
}
