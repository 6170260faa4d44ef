/** This program's words ↔ the Engine API's request and answer bodies, 1.41 and later. */
import type Dockerode from 'dockerode';
import {
  CONTAINER_STATES,
  type Container,
  type ContainerDefinition,
  type ContainerDetails,
  type ContainerState,
  type Network,
  type NetworkDefinition,
} from '../plan/resources.ts';

export function toNetwork(network: Dockerode.NetworkInspectInfo): Network {
  return {
    name: network.Name,
    labels: network.Labels ?? {},
    subnets: (network.IPAM?.Config ?? []).flatMap(({ Subnet }) => (Subnet === undefined ? [] : [Subnet])),
  };
}

export function networkBody(network: NetworkDefinition): Dockerode.NetworkCreateOptions {
  return {
    Name: network.name,
    Driver: 'bridge',
    CheckDuplicate: true,
    Labels: { ...network.labels },
    IPAM: {
      Driver: 'default',
      Config: [{ Subnet: network.subnet, Gateway: network.gateway, IPRange: network.automaticRange }],
    },
  };
}

export function toContainer(container: Dockerode.ContainerInfo): Container {
  const networks = Object.entries(container.NetworkSettings?.Networks ?? {});
  return {
    name: container.Names[0]?.replace(/^\//, '') ?? container.Id,
    state: toState(container.State),
    status: container.Status,
    image: container.Image,
    imageId: container.ImageID,
    labels: container.Labels ?? {},
    ports: (container.Ports ?? []).flatMap(({ IP, PublicPort, PrivatePort }) =>
      PublicPort === undefined ? [] : [{ hostAddress: IP, hostPort: PublicPort, containerPort: PrivatePort }],
    ),
    addresses: Object.fromEntries(networks.map(([name, { IPAddress }]) => [name, IPAddress])),
    volumes: (container.Mounts ?? []).flatMap(({ Type, Name }) =>
      Type === 'volume' && Name !== undefined ? [Name] : [],
    ),
  };
}

export function toContainerDetails({
  State,
  RestartCount,
  HostConfig,
  Mounts,
}: Dockerode.ContainerInspectInfo): ContainerDetails {
  return {
    exitCode: State.ExitCode,
    outOfMemory: State.OOMKilled,
    error: State.Error,
    startedAtMs: Date.parse(State.StartedAt),
    restartCount: RestartCount,
    memoryLimitBytes: HostConfig.Memory ?? 0,
    mounts: Mounts.map(({ Name, Source, Destination, RW }) => ({
      source: Name ?? Source,
      path: Destination,
      isWritable: RW,
    })),
  };
}

function toState(text: string): ContainerState {
  // A state that this program has never heard of is certainly not `running`.
  return CONTAINER_STATES.find((state) => state === text) ?? 'dead';
}

export function containerBody(container: ContainerDefinition): Dockerode.ContainerCreateOptions {
  const { network, volume, healthcheck } = container;
  const nanosecondsPerMs = 1_000_000;
  return {
    name: container.name,
    Image: container.image,
    User: container.user,
    Cmd: [...container.command],
    Hostname: container.hostname,
    Labels: { ...container.labels },
    ExposedPorts: Object.fromEntries(container.ports.map(({ containerPort }) => [`${containerPort}/tcp`, {}])),
    Healthcheck: {
      Test: [...healthcheck.command],
      Interval: healthcheck.intervalMs * nanosecondsPerMs,
      Timeout: healthcheck.timeoutMs * nanosecondsPerMs,
      Retries: 3,
    },
    HostConfig: {
      NetworkMode: network.name,
      PortBindings: Object.fromEntries(
        container.ports.map((port) => [
          `${port.containerPort}/tcp`,
          [{ HostIp: port.hostAddress, HostPort: String(port.hostPort) }],
        ]),
      ),
      Mounts: [
        {
          Type: 'volume',
          Source: volume.name,
          Target: volume.path,
          VolumeOptions: { NoCopy: false, Labels: { ...volume.labels }, DriverConfig: { Name: 'local', Options: {} } },
        },
      ],
      Memory: container.memoryBytes,
      // Equal to Memory: no swap. A Redis that swaps is slower than one that evicts.
      MemorySwap: container.memoryBytes,
      NanoCpus: Math.round(container.cpus * 1e9),
      RestartPolicy: { Name: container.restartPolicy },
      LogConfig: { Type: 'json-file', Config: { 'max-size': '10m', 'max-file': '3' } },
    },
    NetworkingConfig: {
      EndpointsConfig: {
        [network.name]: { IPAMConfig: { IPv4Address: network.address }, Aliases: [...network.aliases] },
      },
    },
  };
}
