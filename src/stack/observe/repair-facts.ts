import { surveySlots } from '../../cluster/slots/slot-survey.ts';
import { isReachable, parseInfo, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { isOwn, volumeName } from '../../plan/model/names.ts';
import type { RepairFacts } from '../../plan/cluster/plan-repair.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import type { Session } from '../session/session.ts';

/** Where the keys of the doubtful slots are, and how far replicas without a primary have come. Reads only. */
export async function readRepairFacts(
  { engine, spec }: Session,
  views: readonly NodeView[],
  links: readonly NodeLink[],
): Promise<RepairFacts> {
  const reachable = views.filter(isReachable);
  const own = new Set(reachable.map(({ table }) => table.myself.id));
  const slots = surveySlots(reachable)
    // Slots of a node that isn't there stay its own for now.
    .filter(
      ({ claimants, believed }) => claimants.length > 0 || believed.every((id) => id === undefined || own.has(id)),
    )
    .map(({ slot }) => slot);
  const asked = reachable.flatMap((view) => {
    const link = links.find(({ name }) => name === view.name);
    return link === undefined ? [] : [{ view, link }];
  });
  // A replica has the keys of its primary, and can't give them to anybody.
  const primaries = asked.filter(({ view }) => view.table.myself.role === 'primary' && view.keyCount > 0);
  const orphans = asked.filter(({ view }) => isOrphan(view, own));
  const [volumes, keys, offsets] = await Promise.all([
    engine.listVolumes(),
    Promise.all(primaries.map(async ({ link }) => [link.name, await countKeys(link, slots)] as const)),
    Promise.all(orphans.map(async ({ link }) => [link.name, await replicationOffset(link)] as const)),
  ]);
  const names = new Set(spec.nodes.map(({ name }) => volumeName(spec.name, name)));
  const hasOtherVolumes = volumes.filter(isOwn(spec.name)).some(({ name }) => !names.has(name));
  return { keys: new Map(keys), replicationOffsets: new Map(offsets), hasOtherVolumes };
}

function isOrphan({ table: { myself } }: ReachableView, own: ReadonlySet<string>): boolean {
  return myself.primaryId !== undefined && !own.has(myself.primaryId);
}

/** A node counts a slot's keys without looking at them: all 16384 are a matter of milliseconds. */
const SLOTS_A_PIPELINE = 1000;

async function countKeys(link: NodeLink, slots: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (let start = 0; start < slots.length; start += SLOTS_A_PIPELINE) {
    const chunk = slots.slice(start, start + SLOTS_A_PIPELINE);
    const replies = await link.sendAll(chunk.map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]));
    replies.forEach((reply, index) => {
      const slot = chunk[index];
      if (slot !== undefined && typeof reply === 'number' && reply > 0) counts.set(slot, reply);
    });
  }
  return counts;
}

async function replicationOffset(link: NodeLink): Promise<number> {
  const info = parseInfo(String(await link.send('INFO', 'replication')));
  return Number(info.get('slave_repl_offset') ?? 0);
}
