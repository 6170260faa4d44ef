/** How a node leaves one host for another: what is planned for it, in which phase. */
import { isReachable, type ReachableView } from '../cluster/nodes/view.ts';
import { hint, run } from '../hint.ts';
import { findBare } from './cluster/plan-roll.ts';
import type { Conflict } from './engine/conflicts.ts';
import { canGo, leftVolume, type Move } from './engine/places.ts';
import { actionKey, newAction, type Action } from './model/action.ts';
import { containerName } from './model/names.ts';
import type { Scene } from './scene.ts';

export function moveText({ from, to }: Move): string {
  return `it moves from ${from} to ${to}`;
}

/** Containers that don't run, of nodes that are to be on another host, and that nobody misses: they go without a turn. */
export function planIdleDepartures({ spec, engine: observed, views, moves, goal }: Scene): Action[] {
  return moves.flatMap(({ node, from, to }) => {
    const target = goal.containers.get(node);
    const container = observed.containers.find(({ name, host }) => name === target?.name && host === from);
    const own = spec.nodes.find(({ name }) => name === node);
    const isIdle = container !== undefined && IDLE.has(container.state);
    if (!isIdle || own === undefined || !canGo(spec.name, { ...own, host: to }, { engine: observed, views })) return [];
    return [newAction('remove container', container.name, moveText({ node, from, to }))];
  });
}

const IDLE: ReadonlySet<string> = new Set(['created', 'exited', 'dead']);

/** The next node to move that no replica can stand in for: its slots go to the others meanwhile. One is left out at a time. */
export function findLeaver({ views, moves }: Scene): Move | undefined {
  const bare = findBare(
    views,
    moves.map(({ node }) => node),
  );
  const next = bare.find(({ table: { myself } }) => myself.slots.length === 0) ?? bare[0];
  return moves.find(({ node }) => node === next?.name);
}

/** Its turn to leave. Its volume stays until all is in sync on the other host. Its address is free there only when the container is gone. */
export function planDeparture({ spec, views }: Scene, move: Move): Action[] {
  const cause = moveText(move);
  const target = containerName(spec.name, move.node);
  const stop = newAction('stop container', target, cause);
  const all = views.filter(isReachable);
  const nodeId = all.find(({ name }) => name === move.node)?.table.myself.id ?? '';
  const forgets = all
    .filter(({ name, table }) => name !== move.node && table.rows.some(({ id }) => id === nodeId))
    .map(({ name }) => newAction('forget', name, `${move.node} moves`, { nodeId }, { after: [actionKey(stop)] }));
  const after = [stop, ...forgets].map(actionKey);
  return [stop, ...forgets, newAction('remove container', target, cause, {}, { after })];
}

/** What comes of it, once it is gone. */
export function planArrival({ spec, moves }: Scene, node: string): Action[] {
  const move = moves.find((one) => one.node === node);
  if (move === undefined) return [];
  const target = containerName(spec.name, node);
  const cause = `it moves to ${move.to}`;
  return [
    newAction('create container', target, cause),
    newAction('configure container', target, cause),
    newAction('start container', target, cause),
    leftVolume(spec.name, node, move.to, move.from),
  ];
}

export function nowhereToGo({ name }: ReachableView): Conflict {
  return {
    code: 'DATA_AT_RISK',
    message: `${name} can't move: no replica can take over, and no other primary can have its slots meanwhile`,
    hint: hint`Set its host back in the YAML file, then: ${run('up')}`,
  };
}
