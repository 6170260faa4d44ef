import { hint, run } from '../../hint.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import type { Spec } from '../../spec/spec.ts';
import { actionKey, keyOf, newAction, type Action, type ActionOf } from '../model/action.ts';
import { isOwn } from '../model/names.ts';
import { holdsNothing, type Observed, type Wanted } from '../model/observed.ts';
import type { Container } from '../model/resources.ts';
import { writtenAppendonly } from '../node/redis-config.ts';
import type { Conflict } from './conflicts.ts';

interface SavingScene {
  readonly spec: Spec;
  readonly wanted: Wanted;
  readonly engine: Observed;
  readonly views: readonly NodeView[];
  /** Keys of the actions that this run has carried out. */
  readonly done: Pick<ReadonlySet<string>, 'has'>;
}

/**
 * Has each node whose container is about to be replaced or configured put its keys where its next configuration reads
 * them: with `appendonly yes` Redis reads nothing but the append-only file, with `no` nothing but dump.rdb, however old
 * that is. A node that has stopped is started for it, as it was: only one that runs can write its keys elsewhere.
 *
 * @returns `planned` with what has to come before; only those starts, where there are some
 */
export function planSaving(
  scene: SavingScene,
  planned: readonly Action[],
): { readonly actions: readonly Action[]; readonly conflicts: readonly Conflict[] } {
  const { appendonly } = scene.spec.redis.persistence;
  const subjects = findSubjects(scene, planned);
  const starts = subjects
    .filter(({ container }) => isToStart(scene, container))
    .map(({ container }) => startOf(scene, container));
  if (starts.length > 0) return { actions: starts, conflicts: [] };
  const into = appendonly ? 'append-only file' : 'dump.rdb';
  const saves = new Map(
    subjects
      .filter(({ view }) => view !== undefined)
      .map(({ node, container }): [string, ActionOf<'save keys'>] => [
        container.name,
        newAction('save keys', node, `${setting(appendonly)} reads no other file`, { into }),
      ]),
  );
  // Whoever can't save keeps the others running, too.
  const saved = [...saves.values()].map(actionKey);
  const rest = planned.map((action): Action => {
    const save = action.type === 'stop container' ? saves.get(action.target) : undefined;
    if (save === undefined || action.type !== 'stop container') return action;
    // Redis writes its last keys to dump.rdb when it is asked to end; until then the append-only file stays in use.
    return { ...action, ...(appendonly ? {} : { intoDump: true }), after: [...action.after, ...saved] };
  });
  return {
    actions: [...saves.values(), ...rest],
    conflicts: subjects.flatMap((subject) => obstacleOf(scene, subject)),
  };
}

/** A node whose keys may be where its next configuration does not read them. */
interface Subject {
  readonly node: string;
  readonly container: Container;
  /** Only of one that answers. */
  readonly view: ReachableView | undefined;
}

function findSubjects({ spec, wanted, engine, views }: SavingScene, planned: readonly Action[]): Subject[] {
  const { appendonly } = spec.redis.persistence;
  const isConcerned = ({ name }: Container): boolean =>
    planned.some(
      ({ type, target }) => target === name && (type === 'stop container' || type === 'configure container'),
    );
  return spec.nodes.flatMap(({ name }): Subject[] => {
    const definition = wanted.containers.get(name);
    const container = engine.containers.filter(isOwn(spec.name)).find((one) => one.name === definition?.name);
    if (container === undefined || !isConcerned(container)) return [];
    // One that was never started has written nothing; what its volume held before is seen to when it is configured.
    if (container.state === 'created' || holdsNothing(engine.data.get(name))) return [];
    const conf = engine.config.get(container.name)?.redisConf;
    if (conf === undefined) return [];
    const view = views.filter(isReachable).find((one) => one.name === name && container.state === 'running');
    // Somebody may have set it by hand.
    const live = view === undefined ? undefined : view.fields.get('aof_enabled') === '1';
    return [writtenAppendonly(conf), live].includes(!appendonly) ? [{ node: name, container, view }] : [];
  });
}

function isToStart({ engine, spec, done }: SavingScene, { name, state }: Container): boolean {
  const written = writtenAppendonly(engine.config.get(name)?.redisConf ?? '');
  const isOther = written === !spec.redis.persistence.appendonly;
  return state === 'exited' && isOther && !done.has(keyOf('start container to save keys', name));
}

function startOf({ spec }: SavingScene, { name }: Container): Action {
  const cause = `its keys are where ${setting(spec.redis.persistence.appendonly)} does not read them`;
  return newAction('start container to save keys', name, cause);
}

/** Why a node's keys can't be put elsewhere; nothing where they can, or where there are none. */
function obstacleOf({ spec, engine }: SavingScene, { node, container, view }: Subject): Conflict[] {
  if (view !== undefined) return [];
  // Of one that runs, nobody knows what is in its memory only.
  if (container.state !== 'running' && !engine.unread.has(container.name)) return [];
  const absence =
    container.state === 'running' ? 'does not answer' : `does not run (its container is ${container.state})`;
  return [wrongFile(spec.redis.persistence.appendonly, `${node} ${absence}, so its keys are where it wrote them last`)];
}

/** @param why what is so with which node */
export function wrongFile(appendonly: boolean, why: string): Conflict {
  return {
    code: 'DATA_AT_RISK',
    message: `${why}, and Redis would not read that with ${setting(appendonly)}`,
    hint: hint`Set ${setting(!appendonly)} again, then: ${run('up')}   # then change it, and again: it is switched while the nodes run`,
  };
}

export function setting(appendonly: boolean): string {
  return `persistence.appendonly: ${appendonly}`;
}
