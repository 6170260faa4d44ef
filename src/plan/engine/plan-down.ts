import { actionKey, newAction, type Action } from '../model/actions.ts';
import { isOwn } from '../model/names.ts';
import type { Container, Network, Volume } from '../model/resources.ts';

export interface Present {
  readonly containers: readonly Container[];
  readonly networks: readonly Network[];
  readonly volumes: readonly Volume[];
}

/**
 * Removes what carries the stack's label, whatever the YAML file says by now: containers, then the network. The data
 * stays, unless `withVolumes`. A network that somebody else's container is on stays too: see `networkGuests`.
 */
export function planDown(stack: string, present: Present, withVolumes: boolean): Action[] {
  const containers = present.containers.filter(isOwn(stack));
  const cause = 'down';
  const containerActions = containers.flatMap(({ name, state }): Action[] => {
    // Data that is about to be deleted needs no orderly shutdown.
    const isStopped = withVolumes || state === 'created' || state === 'exited' || state === 'dead';
    const remove = newAction('remove container', name, cause);
    if (isStopped) return [remove];
    const stop = newAction('stop container', name, cause);
    return [stop, { ...remove, after: [actionKey(stop)] }];
  });
  const removals = containers.map(({ name }) => actionKey({ type: 'remove container', target: name }));
  const networks = present.networks
    .filter((network) => isOwn(stack)(network) && networkGuests(stack, network.name, present).length === 0)
    .map(({ name }) => ({ ...newAction('remove network', name, cause), after: removals }));
  const volumes = (withVolumes ? present.volumes.filter(isOwn(stack)) : []).map(({ name }) => ({
    ...newAction('remove volume', name, 'down --volumes'),
    destructive: true,
    after: containers.filter((container) => container.volumes.includes(name)).map(removalKey),
  }));
  return [...containerActions, ...networks, ...volumes];
}

/** Containers that aren't ours on a network that is. */
export function networkGuests(stack: string, network: string, { containers }: Pick<Present, 'containers'>): string[] {
  return containers
    .filter((container) => !isOwn(stack)(container) && network in container.addresses)
    .map(({ name }) => name);
}

function removalKey({ name }: Container): string {
  return actionKey({ type: 'remove container', target: name });
}
