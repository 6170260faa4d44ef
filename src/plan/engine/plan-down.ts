import { keyOf, newAction, type Action } from '../model/action.ts';
import { isOwn, LABELS } from '../model/names.ts';
import { stopProxy, type RunningProxy } from './plan-proxy.ts';
import type { Container, Network, Volume } from '../model/resources.ts';

export interface Present {
  readonly containers: readonly Container[];
  readonly networks: readonly Network[];
  readonly volumes: readonly Volume[];
}

/**
 * Ends the proxy, and removes what carries the stack's label, whatever the YAML file says by now: containers, then the network. The data
 * stays, unless `withVolumes`. A network that somebody else's container is on stays too: see `networkGuests`.
 */
export function planDown(
  stack: string,
  present: Present,
  withVolumes: boolean,
  proxies: readonly RunningProxy[] = [],
): Action[] {
  const containers = present.containers.filter(isOwn(stack));
  const cause = 'down';
  const containerActions = containers.flatMap(({ name, state }): Action[] => {
    // Data that is about to be deleted needs no orderly shutdown.
    const isStopped = withVolumes || state === 'created' || state === 'exited' || state === 'dead';
    const remove = newAction('remove container', name, cause);
    if (isStopped) return [remove];
    const stop = newAction('stop container', name, cause);
    return [stop, { ...remove, after: [keyOf(stop.type, name)] }];
  });
  const removals = containers.map(removalKey);
  const networks = present.networks
    .filter((network) => isOwn(stack)(network) && networkGuests(stack, network, present).length === 0)
    .map(({ name, host }) =>
      newAction('remove network', name, cause, host === undefined ? {} : { host }, { after: removals }),
    );
  const volumes = (withVolumes ? present.volumes.filter(isOwn(stack)) : []).map(({ name, host }) => {
    const after = containers.filter((container) => container.volumes.includes(name)).map(removalKey);
    const where = host === undefined ? {} : { host };
    return newAction('remove volume', name, 'down --volumes', where, { destructive: true, after });
  });
  return [...proxies.map((proxy) => stopProxy(proxy, cause)), ...containerActions, ...networks, ...volumes];
}

/** Containers that aren't ours on a network that is. */
export function networkGuests(
  stack: string,
  { name: network, host }: Pick<Network, 'name' | 'host'>,
  { containers }: Pick<Present, 'containers'>,
): string[] {
  return containers
    .filter((container) => !isOwn(stack)(container) && network in container.addresses)
    .filter((container) => host === undefined || container.host === host)
    .map(({ name }) => name);
}

/** Hosts that one engine's share of a stack names, and on which there may be more of it: `b`, `ssh://me@b.example`. */
export interface HostElsewhere {
  readonly name: string;
  readonly engine: string;
}

/** By what was made last: of containers, and where none is left, of volumes. */
export function hostsElsewhere(stack: string, { containers, volumes }: Present): HostElsewhere[] {
  const things = [...containers, ...volumes].filter(isOwn(stack));
  const text = things.map(({ labels }) => labels[LABELS.elsewhere] ?? '').find(Boolean) ?? '';
  return text.split(', ').flatMap((one) => {
    const [name = '', engine = ''] = one.split(' ');
    return name === '' ? [] : [{ name, engine }];
  });
}

function removalKey({ name }: Container): string {
  return keyOf('remove container', name);
}

/** What is left of a run whose owner has ended. */
export interface StaleStack {
  readonly name: string;
  /** As the labels say it, see `LABELS.owner`. */
  readonly owners: readonly string[];
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

/** Whoever is named as an owner of anything. */
export function findOwners(present: Present): string[] {
  return ownersOf(allOf(present));
}

/**
 * The stacks of which everything was made for processes that are gone. One thing without an owner, or with one that is
 * still there, and the stack is somebody's: all of it stays.
 */
export function findStaleStacks(present: Present, gone: ReadonlySet<string>): StaleStack[] {
  const isLeft = ({ labels }: Labelled): boolean => gone.has(labels[LABELS.owner] ?? '');
  const names = new Set(allOf(present).flatMap(({ labels }) => labels[LABELS.stack] ?? []));
  return [...names].toSorted().flatMap((name) => {
    const isOf = ({ labels }: Labelled): boolean => labels[LABELS.stack] === name;
    const things = allOf(present).filter(isOf);
    if (!things.every(isLeft)) return [];
    const namesOf = (some: readonly Labelled[]): string[] => some.filter(isOf).map((thing) => thing.name);
    return {
      name,
      owners: ownersOf(things),
      containers: namesOf(present.containers),
      networks: namesOf(present.networks),
      volumes: namesOf(present.volumes),
    };
  });
}

function ownersOf(things: readonly Labelled[]): string[] {
  return [...new Set(things.flatMap(({ labels }) => labels[LABELS.owner] ?? []))];
}

interface Labelled {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function allOf({ containers, networks, volumes }: Present): Labelled[] {
  return [...containers, ...networks, ...volumes];
}
