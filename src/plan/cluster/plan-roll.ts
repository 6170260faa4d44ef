import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { replicasOf } from './among-nodes.ts';

/** The next node to go through a disruption. */
export interface RollStep {
  readonly node: string;
  /** The replica that takes over first, so that a primary with clients is never stopped. */
  readonly heir: string | undefined;
}

/** Which of `names` goes next: replicas, then primaries, each after its best replica has taken over. */
export function nextRollStep(views: readonly NodeView[], names: readonly string[]): RollStep | undefined {
  const waiting = views.filter(isReachable).filter(({ name }) => names.includes(name));
  const next = waiting.find(({ table: { myself } }) => myself.role === 'replica') ?? waiting[0];
  return next === undefined ? undefined : { node: next.name, heir: findHeir(views, next)?.name };
}

/** The replica that has received most. */
function findHeir(views: readonly NodeView[], { table: { myself } }: ReachableView): ReachableView | undefined {
  if (myself.slots.length === 0) return undefined;
  const offset = ({ fields }: ReachableView): number => Number(fields.get('slave_repl_offset') ?? 0);
  return replicasOf(views, myself.id)
    .filter(({ replicationLink }) => replicationLink === 'up')
    .toSorted((one, other) => offset(other) - offset(one))[0];
}

/** Primaries of which no replica can take over, with the slots that nobody serves while they are away. */
export function findUnserved(views: readonly NodeView[], names: readonly string[]): ReachableView[] {
  return views
    .filter(isReachable)
    .filter(({ name, table: { myself } }) => names.includes(name) && myself.slots.length > 0)
    .filter((view) => findHeir(views, view) === undefined);
}
