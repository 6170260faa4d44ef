import { hint, run } from '../../hint.ts';
import { bytesText } from '../../units.ts';
import { isReachable, type NodeView, type ReachableView } from '../nodes/view.ts';
import type { Finding } from './finding.ts';

/** Nodes that answer, and refuse every write of a client. No key is written to find out: they say why themselves. */
export function findWriteRefusals(views: readonly NodeView[]): Finding[] {
  const reachable = views.filter(isReachable);
  return [...reachable.flatMap(disturbedWrites), ...findFullNodes(reachable)];
}

/** Such a node takes no slot either. */
export function disturbedWrites(view: ReachableView): Finding[] {
  return [...unwritten(view), ...withoutReplicas(view)];
}

/** MISCONF. What keeps a dump from being written ends no refusal by its end: only the next save does. */
function unwritten(view: ReachableView): Finding[] {
  const file = unwrittenFile(view);
  if (file === undefined) return [];
  const text = `it could not write its ${file}, and refuses writes (MISCONF)`;
  return [refusal(view, text, file === 'dump.rdb' ? 'cluster fix' : 'up')];
}

function withoutReplicas(view: ReachableView): Finding[] {
  const good = view.fields.get('min_slaves_good_slaves');
  const wanted = Number(view.settings.get('min-replicas-to-write') ?? 0);
  if (good === undefined || !isPrimary(view) || Number(good) >= wanted) return [];
  const text = `it refuses writes (NOREPLICAS): min-replicas-to-write is ${wanted}, and ${good} replicas keep up with it`;
  const lower = run(`redis-cli ${view.name} -- CONFIG SET min-replicas-to-write ${good}`);
  const advice = hint`${lower}   # and in redis.conf where it is set there; or more redis.replicas in the YAML file, then: ${run('up')}`;
  return [refusal(view, text, 'up', advice)];
}

/** OOM. More nodes are one way out, so that it stands in the way of nothing. */
export function findFullNodes(views: readonly ReachableView[]): Finding[] {
  return views.filter(isFull).map((view) => {
    const [used, most] = [view.usedMemoryBytes, Number(view.fields.get('maxmemory'))].map(bytesText);
    const policy = view.fields.get('maxmemory_policy') ?? '';
    const text = `it refuses writes (OOM): it uses ${used ?? ''} of its maxmemory of ${most ?? ''}, and has no key to throw out (${policy})`;
    const advice = hint`Set redis.maxmemory, or redis.maxmemoryPolicy, in the YAML file, then: ${run('up')}   # which also takes back what was set by hand`;
    return refusal(view, text, 'up', advice);
  });
}

/** As `getMaxmemoryState` and `performEvictions` of Redis (evict.c) count. */
function isFull(view: ReachableView): boolean {
  const { fields, usedMemoryBytes } = view;
  const number = (name: string): number => Number(fields.get(name) ?? 0);
  const maxmemory = number('maxmemory');
  const counted = usedMemoryBytes - number('mem_not_counted_for_evict');
  return isPrimary(view) && maxmemory > 0 && counted > maxmemory && evictableKeys(view) === 0;
}

function evictableKeys({ fields, keyCount }: ReachableView): number {
  const policy = fields.get('maxmemory_policy') ?? '';
  if (policy === 'noeviction') return 0;
  return policy.startsWith('volatile') ? Number(/expires=(\d+)/.exec(fields.get('db0') ?? '')?.[1] ?? 0) : keyCount;
}

function isPrimary({ table }: ReachableView): boolean {
  return table.myself.role === 'primary';
}

function refusal({ name }: ReachableView, text: string, mend: Finding['mend'], advice?: Finding['advice']): Finding {
  return { kind: 'writes refused', node: name, text: `${name}: ${text}`, mend, ...(advice && { advice }) };
}

/**
 * What the node could not write to its disk the last time, and refuses writes for; undefined where it does not. An
 * append-only file is tried again every second; a dump only when a save is due, and without writes none ever is.
 */
export function unwrittenFile({ fields, settings }: ReachableView): 'append-only file' | 'dump.rdb' | undefined {
  if (fields.get('aof_last_write_status') === 'err') return 'append-only file';
  const isTolerated = settings.get('stop-writes-on-bgsave-error') === 'no' || settings.get('save') === '';
  return fields.get('rdb_last_bgsave_status') === 'err' && !isTolerated ? 'dump.rdb' : undefined;
}
