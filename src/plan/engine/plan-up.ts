import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { actionKey, keyOf, newAction, type Action, type ActionType } from '../model/action.ts';
import { findUnknown } from './places.ts';
import { driftOf, planLiveChanges, type Drift } from './drift.ts';
import { containerName, isOwn, LABELS } from '../model/names.ts';
import type { NodeData, Observed, Wanted } from '../model/observed.ts';
import type { Container, NetworkDefinition } from '../model/resources.ts';

/**
 * The engine calls from what is to what should be: the network, and a running container for each node. Volumes come with
 * their containers and are never removed. An empty plan means that nothing has to change.
 *
 * Where a node is new and others have volumes that only a container could show, the plan makes just these containers:
 * what they hold decides how the new node begins. `isPartial` tells, and the next round plans the rest.
 *
 * @param done keys of the actions that this run has carried out
 */
export function planUp(
  spec: Spec,
  wanted: Wanted,
  observed: Observed,
  done: Pick<ReadonlySet<string>, 'has'> = new Set(),
): Action[] {
  const network = planNetwork(spec, wanted.network, observed);
  const isNetworkNew = ({ host }: NodeSpec): boolean =>
    network.some((one) => one.type === 'create network' && (one.host === undefined || one.host === host));
  const start = hasToLook(observed.data) ? 'later' : canStartFresh(spec, observed.data) ? 'fresh' : 'with its data';
  // Those of a host that doesn't answer are not missing.
  const unknown = findUnknown(spec, observed);
  const present = spec.nodes.filter(({ name }) => !unknown.includes(name));
  const nodes = present.flatMap((node) =>
    planNode(node, wanted, observed, { start, isNetworkNew: isNetworkNew(node), done }),
  );
  return ordered([
    ...planLeftovers(spec, wanted, observed),
    ...planRenamed(spec, wanted, observed),
    ...network,
    ...nodes,
  ]);
}

/** Whether the plan stops where something has to be looked at, or done, before the rest can be planned. */
export function isPartial({ data, copies }: Pick<Observed, 'data' | 'copies'>): boolean {
  return copies.size > 0 || hasToLook(data);
}

function hasToLook(data: Observed['data']): boolean {
  const kinds = new Set(data.values());
  return kinds.has('unseen') && kinds.has('empty') && !kinds.has('formed');
}

/**
 * Whether the nodes' data has to be looked at: only where one of them may be new. Then the others decide whether it
 * begins a new cluster with them or comes into theirs.
 */
export function needsData(spec: Spec, wanted: Wanted, observed: Pick<Observed, 'containers' | 'volumes'>): boolean {
  return spec.nodes.some(({ name }) => {
    const definition = wanted.containers.get(name);
    const container = observed.containers.find((one) => one.name === definition?.name);
    const hasVolume = observed.volumes.some((volume) => volume.name === definition?.volume.name);
    return !hasVolume || container?.state === 'created';
  });
}

/** No node has ever taken a write: they may all begin with the node tables of a new cluster. */
function canStartFresh(spec: Spec, data: Observed['data']): boolean {
  const kinds = new Set(data.values());
  return data.size === spec.nodes.length && !kinds.has('formed') && !kinds.has('unseen');
}

type Start = 'fresh' | 'with its data' | 'later';

interface Circumstances {
  readonly start: Start;
  readonly isNetworkNew: boolean;
  readonly done: Pick<ReadonlySet<string>, 'has'>;
}

function planNetwork(spec: Spec, wanted: NetworkDefinition, { networks, away }: Observed): Action[] {
  const formerNames = networks
    .filter(isOwn(spec.name))
    .filter(({ name }) => name !== wanted.name)
    .map(({ name, host }) => newAction('remove network', name, 'not in the YAML file any more', on(host)));
  const own = spec.network.announce === undefined ? [undefined] : spec.hosts.map(({ name }) => name);
  const places = own.filter((host = '') => !away.has(host));
  return [
    ...formerNames,
    ...places.flatMap((host): Action[] => {
      const present = networks.find((one) => one.name === wanted.name && one.host === host);
      if (present === undefined) return [newAction('create network', wanted.name, 'missing', on(host))];
      if (present.labels[LABELS.definition] === wanted.labels[LABELS.definition]) return [];
      const cause = 'its definition changed';
      return [
        newAction('remove network', wanted.name, cause, on(host)),
        newAction('create network', wanted.name, cause, on(host)),
      ];
    }),
  ];
}

function on(host: string | undefined): { readonly host?: string } {
  return host === undefined ? {} : { host };
}

function planNode(
  { name }: NodeSpec,
  wanted: Wanted,
  observed: Observed,
  { start, isNetworkNew, done }: Circumstances,
): Action[] {
  const { containers, data, copies } = observed;
  const definition = wanted.containers.get(name);
  if (definition === undefined || copies.has(name)) return [];
  const target = definition.name;
  const present = containers.find((container) => container.name === target);
  const own = data.get(name);
  const seeds = start === 'fresh' && own !== 'bootstrapping';
  const drifts = present === undefined ? [] : driftOf(name, present, wanted, observed, done);
  const replaced = present === undefined ? undefined : replacementCause(present, drifts, isNetworkNew, own);

  if (present !== undefined && replaced === undefined) {
    const live = planLiveChanges(definition, observed, drifts);
    if (present.state === 'running') return live;
    if (present.state === 'paused') return [...live, newAction('unpause container', target, 'it is paused')];
    if (start === 'later') return live;
    // Its configuration is written anew: it may have been started before it had one, or have rewritten it.
    const isNew = present.state === 'created';
    // The engine would wait up to a minute before it starts it again.
    const isRestarting = present.state === 'restarting';
    return [
      ...live,
      ...(isRestarting ? [newAction('stop container', target, 'it ends again and again')] : []),
      ...planStart(target, seeds && isNew, isNew ? 'made, but never started' : `it is ${present.state}`),
    ];
  }
  const { name: volume, labels } = definition.volume;
  const cause =
    replaced !== undefined
      ? 'recreated'
      : labels[LABELS.generation] === undefined
        ? 'missing'
        : `it moves to ${definition.host ?? ''}`;
  const removal =
    replaced === undefined
      ? observed.halfMadeVolumes.has(volume)
        ? [newAction('remove half-made volume', volume, 'it holds nothing, and nobody owns it')]
        : []
      : [newAction('stop container', target, replaced), newAction('remove container', target, cause)];
  if (start === 'later') {
    if (own !== 'unseen') return removal;
    return [...removal, newAction('create container', target, 'to see what its volume holds')];
  }
  return [...removal, newAction('create container', target, cause), ...planStart(target, seeds, cause)];
}

function planStart(target: string, seeds: boolean, cause: string): Action[] {
  return [
    seeds
      ? newAction('configure and seed container', target, 'begins a new cluster')
      : newAction('configure container', target, cause),
    newAction('start container', target, cause),
  ];
}

function replacementCause(
  { state }: Container,
  drifts: readonly Drift[],
  isNetworkNew: boolean,
  data: NodeData | undefined,
): string | undefined {
  if (isNetworkNew) return 'its network is recreated';
  if (drifts.some(({ remedy }) => remedy === 'replace')) return drifts.map(({ text }) => text).join('; ');
  if (data === 'foreign bootstrap') return 'it was prepared for another cluster, and holds no data';
  if (state === 'dead' || state === 'removing') return `it is ${state}`;
  return undefined;
}

/** Containers of this stack that the YAML file doesn't name any more. */
export function leftovers(spec: Spec, containers: readonly Container[]): Container[] {
  return containers
    .filter(isOwn(spec.name))
    .filter(({ labels }) => !spec.nodes.some(({ name }) => name === labels[LABELS.node]));
}

function isWanted({ containers }: Wanted, name: string): boolean {
  return [...containers.values()].some((definition) => definition.name === name);
}

/** Containers of nodes of the YAML file under another name than theirs: renamed by hand. Their volumes stay. */
function planRenamed(spec: Spec, wanted: Wanted, { containers }: Observed): Action[] {
  const names = new Map(spec.nodes.map(({ name }) => [name, containerName(spec.name, name)]));
  return containers.filter(isOwn(spec.name)).flatMap(({ name, labels }) => {
    const own = names.get(labels[LABELS.node] ?? '');
    if (own === undefined || isWanted(wanted, name)) return [];
    const cause = `it is to be called ${own}`;
    return [newAction('stop container', name, cause), newAction('remove container', name, cause)];
  });
}

/** Their volumes stay. Whoever is of the cluster still has to leave it first, and must run for that. */
function planLeftovers(spec: Spec, wanted: Wanted, { containers, members }: Observed): Action[] {
  return leftovers(spec, containers).flatMap(({ name, state }): Action[] => {
    // It has the name of another node's, which takes its place.
    if (isWanted(wanted, name)) return [];
    if (!members.includes(name)) {
      const cause = 'not in the YAML file any more';
      return [newAction('stop container', name, cause), newAction('remove container', name, cause)];
    }
    if (state === 'running') return [];
    const type = state === 'paused' ? 'unpause container' : 'start container';
    return [newAction(type, name, 'its slots have to go to other nodes first')];
  });
}

/**
 * Fills in `after`. A container's own steps follow each other. It starts when the network is there, and when every
 * container that goes has given back its ports and addresses; a network goes when no container of ours is left on it.
 */
function ordered(actions: readonly Action[]): Action[] {
  const keys = (type: ActionType): string[] => actions.filter((one) => one.type === type).map(actionKey);
  let previous: Action | undefined;
  return actions.map((one) => {
    const isNext = previous?.target === one.target && !one.type.endsWith(' network');
    const own = previous !== undefined && isNext ? [keyOf(previous.type, previous.target)] : [];
    previous = one;
    const others: Partial<Record<ActionType, string[]>> = {
      'remove network': keys('remove container'),
      'create network': keys('remove network'),
      'create container': [...keys('remove network'), ...keys('remove half-made volume')],
      'connect container': keys('disconnect container'),
      'start container': [...keys('create network'), ...keys('remove container'), ...keys('disconnect container')],
    };
    return { ...one, after: [...new Set([...own, ...(others[one.type] ?? [])])] };
  });
}
