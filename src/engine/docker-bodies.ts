/** This program's words ↔ the Engine API's request and answer bodies, 1.41 and later. */
import type Dockerode from 'dockerode';
import type { ContainerAnswer, DetailsAnswer, ImageAnswer, NetworkAnswer } from './docker-answers.ts';
import { CONFIG_VOLUME } from '../plan/node/redis-config.ts';
import {
  CONTAINER_STATES,
  type Container,
  type ContainerDefinition,
  type ContainerLimits,
  type ContainerDetails,
  type ContainerExit,
  type ContainerState,
  type Image,
  type Network,
  type NetworkDefinition,
  type Volume,
} from '../plan/model/resources.ts';

/** Valkey's images may have Redis' names as links, or not: what the image itself would start is there. */
export function toImage({ Id, Os, Architecture, Config }: ImageAnswer): Image {
  const words = [...(Config?.Entrypoint ?? []), ...(Config?.Cmd ?? [])];
  const server = words.some((word) => /(^|\/)valkey-server$/.test(word)) ? 'valkey' : 'redis';
  const variable = `${server.toUpperCase()}_VERSION=`;
  const version = Config?.Env.find((one) => one.startsWith(variable))?.slice(variable.length);
  const platform = Os === '' || Architecture === '' ? undefined : `${Os}/${Architecture}`;
  return { id: Id, server, platform, version: version || undefined };
}

export function toNetwork(network: NetworkAnswer): Network {
  return {
    name: network.Name,
    labels: network.Labels,
    subnets: (network.IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet === '' ? [] : [Subnet])),
    ...(network.Scope === 'swarm' && { isSwarmWide: true }),
  };
}

export type Labels = Readonly<Record<string, string>>;

export function networkBody(network: NetworkDefinition, moreLabels: Labels): Dockerode.NetworkCreateOptions {
  return {
    Name: network.name,
    Driver: network.driver ?? 'bridge',
    // Else only services may use it.
    ...(network.driver === 'overlay' && { Attachable: true }),
    CheckDuplicate: true,
    Labels: { ...network.labels, ...moreLabels },
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: network.subnet, Gateway: network.gateway, IPRange: network.automaticRange }],
    },
  };
}

export function toContainer(container: ContainerAnswer): Container {
  const networks = Object.entries(container.NetworkSettings?.Networks ?? {});
  return {
    name: container.Names[0]?.replace(/^\//, '') ?? container.Id,
    state: toState(container.State),
    status: container.Status,
    image: container.Image,
    imageId: container.ImageID,
    labels: container.Labels,
    ports: container.Ports.flatMap(({ IP, PublicPort, PrivatePort }) =>
      PublicPort === undefined || PublicPort === null
        ? []
        : [{ hostAddress: IP, hostPort: PublicPort, containerPort: PrivatePort }],
    ),
    addresses: Object.fromEntries(networks.map(([name, network]) => [name, network?.IPAddress ?? ''])),
    volumes: container.Mounts.filter(isVolumeOfItsOwn).map(({ Name }) => Name),
  };
}

/** Its configuration's comes and goes with it, and its data are there once more. */
function isVolumeOfItsOwn({ Type, Name, Destination }: ContainerAnswer['Mounts'][number]): boolean {
  return Type === 'volume' && Name !== '' && !Destination.startsWith(CONFIG_VOLUME);
}

/** A container that survives its engine is stopped by the next, while that begins. */
const BEGINNING_MS = 60_000;

/** @param beganAt when the engine began, as it writes it; empty where it doesn't tell */
export function toContainerExit(container: DetailsAnswer, beganAt: string): ContainerExit {
  const { exitCode, outOfMemory, error } = toContainerDetails(container);
  const { Status, FinishedAt } = container.State;
  const beforeMs = Date.parse(beganAt) - Date.parse(FinishedAt);
  const isEngines = Status === 'exited' && beforeMs >= 0 && beforeMs < BEGINNING_MS;
  return { exitCode, outOfMemory, error, isEngines, ...(Status === 'running' && { isRunning: true }) };
}

export function toContainerDetails(container: DetailsAnswer): ContainerDetails {
  const { State, RestartCount, Config, HostConfig, Mounts, NetworkSettings } = container;
  return {
    exitCode: State.ExitCode,
    outOfMemory: State.OOMKilled,
    error: State.Error,
    startedAtMs: Date.parse(State.StartedAt),
    restartCount: RestartCount,
    user: Config.User,
    command: Config.Cmd,
    hostname: Config.Hostname,
    networks: Object.fromEntries(
      Object.entries(NetworkSettings.Networks).map(([name, { IPAMConfig, IPAddress, Aliases }]) => [
        name,
        // Podman tells only the second, and only while it runs.
        { address: IPAMConfig?.IPv4Address || IPAddress, aliases: Aliases },
      ]),
    ),
    ports: Object.entries(HostConfig.PortBindings).flatMap(([port, hosts]) =>
      hosts.map(({ HostIp, HostPort }) => ({
        hostAddress: HostIp,
        hostPort: Number(HostPort),
        containerPort: Number.parseInt(port, 10),
      })),
    ),
    mounts: Mounts.map(({ Name, Source, Destination, RW }) => ({
      source: Name ?? Source,
      path: Destination,
      isWritable: RW,
    })),
    memoryBytes: HostConfig.Memory,
    cpus: HostConfig.NanoCpus / NANO,
    restartPolicy: HostConfig.RestartPolicy?.Name ?? '',
    healthcheck: {
      command: Config.Healthcheck?.Test ?? [],
      intervalMs: (Config.Healthcheck?.Interval ?? 0) / NANOSECONDS_PER_MS,
      timeoutMs: (Config.Healthcheck?.Timeout ?? 0) / NANOSECONDS_PER_MS,
    },
    isConfined: isConfined(HostConfig),
    processes: Math.max(0, HostConfig.PidsLimit),
  };
}

/**
 * What holds for every container of this program. Redis runs as its own user from the first instruction, so that even what
 * an image's entrypoint would need as root is left out. A server has some 10 processes and threads, each of its `io-threads`
 * (128 at most) one more.
 */
const CONFINEMENT = { CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], PidsLimit: 256 };

/** Podman names each capability that it would have given. */
function isConfined(container: DetailsAnswer['HostConfig']): boolean {
  const { Privileged, CapAdd, CapDrop, SecurityOpt, ReadonlyRootfs } = container;
  const isWithoutCapabilities = !Privileged && CapAdd.length === 0 && CapDrop.length > 0;
  return (
    isWithoutCapabilities && ReadonlyRootfs && SecurityOpt.some((one) => /^no-new-privileges([:=]true)?$/.test(one))
  );
}

const NANO = 1e9;
const NANOSECONDS_PER_MS = 1_000_000;

export function limitsBody({ memoryBytes, cpus, restartPolicy }: ContainerLimits): object {
  return {
    // Equal to Memory: no swap. A Redis that swaps is slower than one that evicts.
    ...(memoryBytes !== undefined && { Memory: memoryBytes, MemorySwap: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * NANO) }),
    RestartPolicy: { Name: restartPolicy },
  };
}

export function endpointBody({ address, aliases }: ContainerDefinition['network']): Dockerode.EndpointSettings {
  return { IPAMConfig: { IPv4Address: address }, Aliases: [...aliases] };
}

export function volumeBody({ name, labels }: Pick<Volume, 'name' | 'labels'>, moreLabels: Labels) {
  return { Name: name, Driver: 'local', Labels: { ...labels, ...moreLabels } };
}

function toState(text: string): ContainerState {
  // A state that this program has never heard of is certainly not `running`.
  return CONTAINER_STATES.find((state) => state === text) ?? 'dead';
}

/** @param isPodman it gives a volume's owner to another one where that is mounted a second time */
export function containerBody(
  container: ContainerDefinition,
  moreLabels: Labels,
  isPodman: boolean,
): Dockerode.ContainerCreateOptions {
  const { network, volume, healthcheck } = container;
  return {
    name: container.name,
    Image: container.image,
    User: container.user,
    Cmd: [...container.command],
    Hostname: container.hostname,
    Labels: { ...container.labels, ...moreLabels },
    ExposedPorts: Object.fromEntries(container.ports.map(({ containerPort }) => [`${containerPort}/tcp`, {}])),
    Healthcheck: {
      Test: [...healthcheck.command],
      Interval: healthcheck.intervalMs * NANOSECONDS_PER_MS,
      Timeout: healthcheck.timeoutMs * NANOSECONDS_PER_MS,
      Retries: 3,
    },
    HostConfig: {
      NetworkMode: network.name,
      PortBindings: Object.fromEntries(
        container.ports.map(({ containerPort }) => [
          `${containerPort}/tcp`,
          container.ports
            .filter((port) => port.containerPort === containerPort)
            .map(({ hostAddress, hostPort }) => ({ HostIp: hostAddress, HostPort: String(hostPort) })),
        ]),
      ),
      ...limitsBody(container),
      ...CONFINEMENT,
      ReadonlyRootfs: volume.name !== '',
      Mounts: mountsOf(volume, isPodman),
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
    // The network `none` has no addresses.
    ...(network.address === ''
      ? {}
      : { NetworkingConfig: { EndpointsConfig: { [network.name]: endpointBody(network) } } }),
  };
}

/**
 * Docker writes no file into a root that can only be read, and into one volume at a time. So the configuration is in a
 * volume, too, and the data can be reached through it: all files go in with one archive. What has no volume to keep is
 * thrown away in a moment, and has a root that it can write.
 */
function mountsOf({ name, path }: ContainerDefinition['volume'], isPodman: boolean): Dockerode.MountSettings[] {
  const data = { Type: 'volume' as const, Source: name, Target: path };
  if (name === '') return [data];
  const config = { ...data, Source: '', Target: CONFIG_VOLUME };
  return isPodman ? [data, config] : [data, config, { ...data, Target: CONFIG_VOLUME + path }];
}

/** `redis`, `7-alpine`, of a reference with a tag. */
export function splitReference(reference: string): [string, string] {
  const colon = reference.lastIndexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}
