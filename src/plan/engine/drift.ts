import type {
  Container,
  ContainerDefinition,
  ContainerLimits,
  ContainerSettings,
  Limit,
  PublishedPort,
} from '../model/resources.ts';
import { sizeText } from '../../units.ts';
import { keyOf, newAction, type Action } from '../model/action.ts';
import { findChangedSettings } from '../node/config-drift.ts';
import { COMPOSE, LABELS } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';

/** In what a container differs from its definition, and what brings it there with the least disruption. */
export interface Drift {
  /** `its memory limit is 64 MiB instead of 128 MiB` */
  readonly text: string;
  /** `update` and `connect` leave its process running; `replace` makes the container anew, with the same volume. */
  readonly remedy: 'update' | 'connect' | 'replace';
}

/** It doesn't matter who changed what, the YAML file or somebody by hand: what is, is compared with what should be. */
function findDrift(present: Container, settings: ContainerSettings, wanted: ContainerDefinition): Drift[] {
  const { network, volume } = wanted;
  const replaced = (what: string, is: string, wantedText: string): Drift[] =>
    is === wantedText ? [] : [{ text: differs(what, is, wantedText), remedy: 'replace' }];
  const unshown = (what: string, is: string, wantedText: string): Drift[] =>
    is === wantedText ? [] : [{ text: `its ${what} differs`, remedy: 'replace' }];
  const labels = Object.entries(wanted.labels).flatMap(([name, value]) =>
    name.startsWith(COMPOSE) || name === LABELS.elsewhere
      ? []
      : replaced(`label ${name}`, present.labels[name] ?? '', value),
  );
  return [
    // Somebody may have put a password there.
    ...unshown('command', settings.command.join(' '), wanted.command.join(' ')),
    ...replaced('user', settings.user, wanted.user),
    ...replaced('host name', settings.hostname, wanted.hostname),
    ...labels,
    ...portDrift(settings.ports, wanted.ports),
    ...replaced(
      `volume at ${volume.path}`,
      settings.mounts.find(({ path }) => path === volume.path)?.source ?? '',
      volume.name,
    ),
    ...unshown('health check', JSON.stringify(settings.healthcheck), JSON.stringify(wanted.healthcheck)),
    ...limitDrift(settings, wanted),
    ...networkDrift(settings, network),
  ];
}

function limitDrift(settings: ContainerSettings, wanted: ContainerDefinition): Drift[] {
  const { memoryBytes, cpus } = changedLimits(settings, wanted);
  const drifts: Drift[] = [];
  if (memoryBytes !== undefined) {
    drifts.push({
      text: differs('memory limit', sizeText(settings.memoryBytes), sizeText(memoryBytes)),
      // The kernel ends a process that is above its limit, with its last writes. Stopped in order, it keeps them.
      remedy: settings.memoryBytes < memoryBytes ? 'update' : 'replace',
    });
  }
  if (cpus !== undefined) {
    drifts.push({ text: differs('cpu limit', String(settings.cpus), String(cpus)), remedy: 'update' });
  }
  if ((settings.restartPolicy || 'no') !== wanted.restartPolicy) {
    drifts.push({ text: differs('restart policy', settings.restartPolicy, wanted.restartPolicy), remedy: 'update' });
  }
  return drifts;
}

/** What an update has to say: the limits that differ, and the restart policy, which Podman takes back where it isn't said. */
export function changedLimits(is: ContainerSettings, wanted: ContainerDefinition): ContainerLimits {
  const { memoryBytes, cpus, restartPolicy } = wanted;
  const unset = unsetLimits(is);
  // Podman keeps hundred-thousandths of a cpu.
  const isOtherCpus = Math.abs(is.cpus - cpus) >= 1e-5;
  return {
    ...(is.memoryBytes !== memoryBytes && !unset.includes('memory') && { memoryBytes }),
    ...(isOtherCpus && !unset.includes('cpus') && { cpus }),
    restartPolicy,
  };
}

/** Those limits that the engine can't set: it says 0, whatever was asked for. */
export function unsetLimits({ memoryBytes, cpus, processes, isConfined }: ContainerSettings): Limit[] {
  return [
    ...(memoryBytes === 0 ? ['memory' as const] : []),
    ...(cpus === 0 ? ['cpus' as const] : []),
    // A container of an earlier version of this program was not asked to have one.
    ...(processes === 0 && isConfined ? ['processes' as const] : []),
  ];
}

function networkDrift({ networks }: ContainerSettings, wanted: ContainerDefinition['network']): Drift[] {
  const found = networks[wanted.name];
  if (found === undefined) return [{ text: `it is not on the network ${wanted.name}`, remedy: 'connect' }];
  // An engine that doesn't tell of one that isn't running is believed to have it.
  if (found.address !== '' && found.address !== wanted.address) {
    return [{ text: differs('address', found.address, wanted.address), remedy: 'connect' }];
  }
  const missing = wanted.aliases.filter((alias) => !found.aliases.includes(alias));
  return missing.map((alias) => ({
    text: `it is not known as ${alias} on the network ${wanted.name}`,
    remedy: 'connect',
  }));
}

function differs(what: string, is: string, wanted: string): string {
  return `its ${what} is ${is || 'missing'} instead of ${wanted || 'none'}`;
}

function portDrift(is: readonly PublishedPort[], wanted: readonly PublishedPort[]): Drift[] {
  const containerPorts = [...new Set([...is, ...wanted].map(({ containerPort }) => containerPort))];
  const textOf = (ports: readonly PublishedPort[], containerPort: number): string =>
    ports
      .filter((port) => port.containerPort === containerPort)
      .map(({ hostAddress, hostPort }) => `${hostAddress || '0.0.0.0'}:${hostPort}`)
      .toSorted()
      .join(' ');
  return containerPorts
    .map((port): [number, string, string] => [port, textOf(is, port), textOf(wanted, port)])
    .filter(([, one, other]) => one !== other)
    .map(([port, one, other]) => ({ text: differs(`host port of ${port}`, one, other), remedy: 'replace' }));
}

/** In what a node's container, and the configuration that it starts with, differ from what is wanted. */
export function driftOf(
  node: string,
  present: Container,
  wanted: Wanted,
  { settings, config }: Observed,
  done: Pick<ReadonlySet<string>, 'has'>,
): Drift[] {
  const definition = wanted.containers.get(node);
  const found = settings.get(present.name);
  if (definition === undefined || found === undefined) return [];
  const image: Drift[] = present.imageId === wanted.imageId ? [] : [{ text: 'its image changed', remedy: 'replace' }];
  // What an earlier version of this program made differs in more than that, with no other remedy.
  if (!found.isConfined) return [...image, { text: 'it has more privileges than it needs', remedy: 'replace' }];
  const [files, wantedFiles] = [config.get(present.name), wanted.config.get(node)];
  // One that was never started has no files yet, and is given all of them.
  const isConfigured = files !== undefined && wantedFiles !== undefined;
  const changes = isConfigured ? findChangedSettings(files, wantedFiles).filter(({ isLive }) => !isLive) : [];
  const names = changes.map(({ name }) => name).join(', ');
  const restarts: Drift[] =
    changes.length === 0 ? [] : [{ text: `it has to start with other values of ${names}`, remedy: 'replace' }];
  const drifts = [...image, ...findDrift(present, found, definition), ...restarts];
  // Not every engine can change what runs: it has been told, and it is as before.
  const isUpdated = done.has(keyOf('update container', present.name));
  return drifts.map((drift) => (isUpdated && drift.remedy === 'update' ? { ...drift, remedy: 'replace' } : drift));
}

/** A node that runs, and that these actions stop for another configuration or another image. */
export function findReconfigured(
  { config, containers, imageId }: Wanted,
  observed: Pick<Observed, 'config' | 'containers'>,
  actions: readonly Action[],
): string | undefined {
  return [...containers].find(([node, { name }]) => {
    const present = observed.containers.find((one) => one.name === name && one.state === 'running');
    if (present === undefined || !actions.some(({ type, target }) => type === 'stop container' && target === name))
      return false;
    const [files, next] = [observed.config.get(name), config.get(node)];
    return present.imageId !== imageId || files?.redisConf !== next?.redisConf || files?.userConf !== next?.userConf;
  })?.[0];
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
