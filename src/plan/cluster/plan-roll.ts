import { isReachable, replicationOffset, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { replicasOf } from './among-nodes.ts';
import { findChangedSettings } from '../node/config-drift.ts';
import type { Action } from '../model/action.ts';
import { isSamePort } from '../model/host-ports.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import { isPartial } from '../engine/plan-up.ts';
import type { Container, ContainerDefinition } from '../model/resources.ts';

/** The next node to go through a disruption. */
export interface RollStep {
  readonly node: string;
  /** The replica that takes over first, so that a primary with clients is never stopped. */
  readonly heir: string | undefined;
}

/** Which of `names` goes next: those without slots, replicas as a rule, then primaries, each after its best replica has taken over. */
export function nextRollStep(views: readonly NodeView[], names: readonly string[]): RollStep | undefined {
  const waiting = views.filter(isReachable).filter(({ name }) => names.includes(name));
  const next = waiting.find(({ table: { myself } }) => myself.slots.length === 0) ?? waiting[0];
  return next === undefined ? undefined : { node: next.name, heir: findHeir(views, next)?.name };
}

/** The replica that has received most. */
function findHeir(views: readonly NodeView[], { table: { myself } }: ReachableView): ReachableView | undefined {
  if (myself.slots.length === 0) return undefined;
  return replicasOf(views, myself.id)
    .filter(({ replicationLink }) => replicationLink === 'up')
    .toSorted((one, other) => replicationOffset(other) - replicationOffset(one))[0];
}

/** Primaries of which no replica can take over, with the slots that nobody serves while they are away. */
export function findUnserved(views: readonly NodeView[], names: readonly string[]): ReachableView[] {
  return findBare(views, names).filter(({ table: { myself } }) => myself.slots.length > 0);
}

/** Those of `names` that are primaries, with slots or without, and have no replica that could take over. */
export function findBare(views: readonly NodeView[], names: readonly string[]): ReachableView[] {
  return views
    .filter(isReachable)
    .filter(({ name, table: { myself } }) => names.includes(name) && myself.role === 'primary')
    .filter((view) => findHeir(views, view) === undefined);
}

/**
 * The nodes whose containers run and are to be recreated, where that can be done one at a time; none where they have to
 * change together. All other actions of a plan disturb nobody.
 */
export function findDisruptive(wanted: Wanted, observed: Observed, actions: readonly Action[]): string[] {
  const { containers, data } = observed;
  if (isPartial(observed) || actions.some(({ type }) => type === 'remove network' || type === 'create network'))
    return [];
  // Nobody holds data yet, so there is nobody to disturb.
  if (data.size > 0 && ![...data.values()].includes('formed')) return [];
  const replaced = [...wanted.containers].flatMap(([node, definition]) => {
    const present = containers.find(({ name, state }) => name === definition.name && state === 'running');
    const isRemoved = actions.some(({ type, target }) => type === 'remove container' && target === definition.name);
    return present !== undefined && isRemoved ? [{ node, present }] : [];
  });
  const isInTheWay = replaced.some(({ present }) =>
    [...wanted.containers.values()].some(
      (definition) => definition.name !== present.name && wants(definition, present),
    ),
  );
  const changeTogether = replaced.some(({ node, present }) => speaksOtherwise(node, present, wanted, observed));
  return isInTheWay || changeTogether ? [] : replaced.map(({ node }) => node);
}

/** It is to have an address or a port that the other one has now. */
function wants({ network, ports }: ContainerDefinition, present: Container): boolean {
  return (
    present.addresses[network.name] === network.address ||
    ports.some((port) => present.ports.some((held) => isSamePort(port, held)))
  );
}

/** On the bus all nodes speak TLS, or none, and at the same port. */
function speaksOtherwise(node: string, { name }: Container, { config }: Wanted, observed: Observed): boolean {
  const [present, wanted] = [observed.config.get(name), config.get(node)];
  if (present === undefined || wanted === undefined) return false;
  return findChangedSettings(present, wanted).some((change) =>
    ['port', 'tls-cluster', 'tls-replication', 'cluster-port'].includes(change.name),
  );
}
