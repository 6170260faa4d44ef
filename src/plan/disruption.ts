import type { ReachableView } from '../cluster/nodes/view.ts';
import { formatRanges } from '../cluster/slots/slots.ts';
import { findDisruptive, findUnserved, nextRollStep, type RollStep } from './cluster/plan-roll.ts';
import { planProxyAfter } from './engine/plan-proxy.ts';
import { planSaving } from './engine/plan-saving.ts';
import { planUp } from './engine/plan-up.ts';
import { actionKey, keyOf, newAction, type Action } from './model/action.ts';
import { containerName } from './model/names.ts';
import { moveText, nowhereToGo, planArrival, planDeparture } from './moves.ts';
import type { Next, Scene } from './scene.ts';

/** Who is to be restarted with all others, or does not answer anyway. */
export function urgentRestarts(scene: Scene): Partial<Next> {
  const isRolling = scene.wish?.restart?.isRolling === true;
  const urgent = findRestarts(scene).filter(({ node }) => !isRolling || scene.silent.has(node));
  return { actions: urgent.map(({ action }) => action) };
}

export function disruption(scene: Scene): Partial<Next> {
  const { spec, wanted, engine: observed, views, done, wish, moves } = scene;
  const moving = wish === undefined ? moves : [];
  const restarts = findRestarts(scene);
  const planned = wish === undefined ? planUp(spec, wanted, observed, done) : restarts.map(({ action }) => action);
  // An engine that makes of a definition something else than was asked for would have its turn for ever.
  const isNew = (node: string): boolean => done.has(keyOf('create container', containerName(spec.name, node)));
  const waiting =
    wish === undefined
      ? [
          ...new Set([
            ...moving.map(({ node }) => node),
            ...findDisruptive(wanted, observed, planned).filter((node) => !isNew(node)),
          ]),
        ]
      : restarts.map(({ node }) => node);
  const present = views.filter(({ name }) => spec.nodes.some((node) => node.name === name));
  const turnOf = ({ node, heir }: RollStep): Pick<Next, 'conflicts' | 'actions'> => {
    const move = moving.find((one) => one.node === node);
    if (move !== undefined) {
      const actions = planDeparture(scene, move);
      return { conflicts: [], actions: heir === undefined ? actions : handedOver(node, heir, moveText(move), actions) };
    }
    const own = planned.filter(({ target }) => target === containerName(spec.name, node));
    const { actions, conflicts } = planSaving(scene, own);
    if (heir === undefined) return { conflicts, actions: warned(findUnserved(views, [node]), actions) };
    return { conflicts, actions: handedOver(node, heir, own[0]?.cause ?? '', actions) };
  };
  const first = nextRollStep(present, waiting);
  if (first === undefined) return {};
  const bare = findUnserved(
    views,
    moving.map(({ node }) => node),
  ).find(({ name }) => name === first.node);
  const others = waiting.filter((node) => node !== first.node).flatMap((node) => nextRollStep(present, [node]) ?? []);
  const later = (): Action[] => [
    ...planArrival(scene, first.node),
    ...others.flatMap((step) => [...turnOf(step).actions, ...planArrival(scene, step.node)]),
    ...(wish === undefined ? planProxyAfter(spec, wanted, observed, planned) : []),
  ];
  if (bare !== undefined) return { conflicts: [nowhereToGo(bare)], later };
  return { ...turnOf(first), later };
}

/** Those that have not been restarted yet. */
function findRestarts({ spec, wish, done }: Scene): { readonly node: string; readonly action: Action }[] {
  return (wish?.restart?.nodes ?? [])
    .map((node) => ({ node, action: newAction('restart container', containerName(spec.name, node), 'asked for') }))
    .filter(({ action }) => !done.has(actionKey(action)));
}

/** A primary of which no replica can take over. */
function warned([bare]: readonly ReachableView[], actions: readonly Action[]): Action[] {
  const [first, ...rest] = actions;
  if (bare === undefined || first === undefined) return [...actions];
  const slots = formatRanges(bare.table.myself.slots);
  const cause = `${first.cause}; ${bare.name} has no replica: slots ${slots} are not served until it is back`;
  return [{ ...first, cause }, ...rest];
}

/** A primary hands over to a replica before it is stopped, so that nobody who serves clients ever is. */
function handedOver(node: string, heir: string, cause: string, actions: readonly Action[]): Action[] {
  const handOver = newAction('fail over', heir, cause, { from: node });
  return [handOver, ...actions.map((action) => ({ ...action, after: [...action.after, actionKey(handOver)] }))];
}
