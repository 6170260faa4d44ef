import { newAction, type Action } from '../model/actions.ts';
import { findChangedSettings } from '../node/config-drift.ts';
import { findDrift, type Drift } from './drift.ts';
import type { Observed } from '../model/observed.ts';
import type { Container, ContainerDefinition } from '../model/resources.ts';
import type { Wanted } from '../model/wanted.ts';

/** In what a node's container, and the configuration that it starts with, differ from what is wanted. */
export function driftOf(node: string, present: Container, wanted: Wanted, { settings, config }: Observed): Drift[] {
  const definition = wanted.containers.get(node);
  const found = settings.get(present.name);
  if (definition === undefined || found === undefined) return [];
  const image: Drift[] = present.imageId === wanted.imageId ? [] : [{ text: 'its image changed', remedy: 'replace' }];
  const [files, wantedFiles] = [config.get(present.name), wanted.config.get(node)];
  // One that was never started has no files yet, and is given all of them.
  const isConfigured = files !== undefined && wantedFiles !== undefined;
  const changes = isConfigured ? findChangedSettings(files, wantedFiles).filter(({ isLive }) => !isLive) : [];
  const names = changes.map(({ name }) => name).join(', ');
  const restarts: Drift[] =
    changes.length === 0 ? [] : [{ text: `it has to start with other values of ${names}`, remedy: 'replace' }];
  return [...image, ...findDrift(present, found, definition), ...restarts];
}

/** What can be changed while its process runs. */
export function planLiveChanges(
  { name, network }: ContainerDefinition,
  { settings }: Observed,
  drifts: readonly Drift[],
): Action[] {
  const cause = (remedy: Drift['remedy']): string =>
    drifts
      .filter((drift) => drift.remedy === remedy)
      .map(({ text }) => text)
      .join('; ');
  const [update, connect] = [cause('update'), cause('connect')];
  const isConnected = settings.get(name)?.networks[network.name] !== undefined;
  return [
    ...(update === '' ? [] : [newAction('update container', name, update)]),
    // An address can't be changed on a connection that stands.
    ...(connect !== '' && isConnected ? [newAction('disconnect container', name, connect)] : []),
    ...(connect === '' ? [] : [newAction('connect container', name, connect)]),
  ];
}
