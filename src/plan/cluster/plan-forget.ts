import type { NodeRow } from '../../cluster/nodes/node-table.ts';
import { countSlots } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { Spec } from '../../spec/spec.ts';

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
      hint: 'npx tsx manage.ts cluster slots',
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
    hint: `npx tsx manage.ts cluster remove-node ${name}`,
  });
}

function notOne(text: string, isSeveral: boolean, strangers: ReadonlyMap<string, string>): StackError {
  return new StackError('USAGE', {
    message: isSeveral ? `more than one node is meant by ${text}` : `nobody knows a node ${text}`,
    details: strangers.size === 0 ? ['every node that is known is one of the YAML file'] : [...strangers.values()],
    hint: 'npx tsx manage.ts cluster nodes',
  });
}

/** A node of the YAML file that doesn't answer can't say which id it has. */
function rejectAbsent(spec: Spec, views: readonly NodeView[], id: string, meant: readonly NodeRow[]): void {
  const absent = spec.nodes.find(
    ({ name, ip }) =>
      views.some((view) => view.name === name && !view.reachable) &&
      meant.some((row) => row.id === id && (row.ip === ip || row.ip === '')),
  );
  if (absent === undefined) return;
  throw new StackError('USAGE', {
    message: `${id} may be ${absent.name} of the YAML file, which does not answer`,
    hint: 'npx tsx manage.ts up   # then again',
  });
}

function followed(follower: string, id: string, views: readonly ReachableView[]): StackError {
  const primary = views.find(({ table }) => table.myself.role === 'primary' && table.myself.slots.length > 0);
  return new StackError('USAGE', {
    message: `${follower} is a replica of ${id}, and a replica can't forget its own primary`,
    hint: `npx tsx manage.ts cluster replicate ${follower} --of ${primary?.name ?? 'PRIMARY'}`,
  });
}
