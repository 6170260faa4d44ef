import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { divideSlots, formatRange, SLOT_COUNT } from '../../src/cluster/slots/slots.ts';
import type { ReachableView } from '../../src/cluster/nodes/view.ts';
import { StackError } from '../../src/errors.ts';
import { proxyDefinition } from '../../src/plan/model/host-ports.ts';
import { containerDefinition, networkDefinition } from '../../src/plan/model/definitions.ts';
import { initialNodeId, LABELS } from '../../src/plan/model/names.ts';
import type { Observed, ProxyInfo, Wanted } from '../../src/plan/model/observed.ts';
import { redisConf } from '../../src/plan/node/redis-config.ts';
import type {
  Container,
  ContainerDefinition,
  ContainerSettings,
  Network,
  Volume,
} from '../../src/plan/model/resources.ts';
import { parseSpec } from '../../src/spec/parse.ts';
import { primariesOf, type Spec } from '../../src/spec/spec.ts';

export interface Shape {
  readonly primaries?: number;
  readonly replicas?: number;
  readonly name?: string;
  readonly access?: Spec['access'];
  /** More keys of the YAML file's `redis`, `network`, … */
  readonly redis?: Readonly<Record<string, unknown>>;
  readonly network?: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, unknown>>;
  readonly tls?: Readonly<Record<string, unknown>>;
}

/** A good YAML file of nine lines that says nothing of secrets and of TLS: what a test appends begins in line 10. */
export const STACK_TEXT = `name: dev
network:
  subnet: 172.20.0.0/16
redis:
  replicas: 0
  nodes:
    redis-1: { ip: 172.20.0.13, ports: { plain: 6379, tls: 6390, bus: 16379 } }
    redis-2: { ip: 172.20.0.16, ports: { plain: 6380, tls: 6391, bus: 16380 } }
    redis-3: { ip: 172.20.0.17, ports: { plain: 6381, tls: 6392, bus: 16381 } }
`;

/** A good file on three hosts, three primaries and a replica of each. */
export const HOSTS_TEXT = `name: dev
network: { subnet: 172.20.0.0/16, driver: overlay }
hosts:
  a: { engine: ssh://me@a.example, address: 10.0.0.11 }
  b: { engine: tcp://b.example:2376, address: 10.0.0.12, tls: certs/b }
  c: { engine: unix:///run/c.sock, address: 10.0.0.13 }
redis:
  replicas: 1
  nodes:
    redis-1: { host: a, ip: 172.20.0.11, ports: { plain: 6379, tls: 6390 } }
    redis-2: { host: b, ip: 172.20.0.12, ports: { plain: 6380, tls: 6391 } }
    redis-3: { host: c, ip: 172.20.0.13, ports: { plain: 6381, tls: 6392 } }
    redis-4: { host: b, ip: 172.20.0.14, ports: { plain: 6382, tls: 6393 } }
    redis-5: { host: c, ip: 172.20.0.15, ports: { plain: 6383, tls: 6394 } }
    redis-6: { host: a, ip: 172.20.0.16, ports: { plain: 6384, tls: 6395 } }
secrets: { shared: secrets }
`;

/** The same without a swarm: the first node of each host has its first ports, the second the next. */
export const ANNOUNCE_TEXT = HOSTS_TEXT.replace('driver: overlay', 'announce: host').replaceAll(
  /(redis-(\d): .*)ports: .*/g,
  (_text, before: string, number) => {
    const index = Number(number) > 3 ? 1 : 0;
    return `${before}ports: { plain: ${6379 + index}, tls: ${6390 + index}, bus: ${16_379 + index} } }`;
  },
);

export function parsed(text: string): Spec {
  const result = parseSpec(text);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

/** `line:column message (hint)`, one problem a line. */
export function problemsOf(text: string): string {
  const result = parseSpec(text);
  if ('spec' in result) return 'no problem';
  return result.problems
    .map(({ line, column, message, hint }) => `${line}:${column} ${message}${hint === undefined ? '' : ` (${hint})`}`)
    .join('\n');
}

/** A YAML file (JSON is YAML) with nodes redis-1, redis-2, … at 172.20.0.11, 172.20.0.12, … */
export function specText(shape: Shape = {}): string {
  const { primaries = 3, replicas = 0, name = 'dev', access, redis = {}, network = {}, secrets = {}, tls = {} } = shape;
  const count = primaries * (replicas + 1);
  const nodes = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `redis-${index + 1}`,
      {
        ip: `172.20.${Math.floor(index / 200)}.${(index % 200) + 11}`,
        ports: { plain: 7000 + index, tls: 8000 + index, bus: 17000 + index },
      },
    ]),
  );
  return JSON.stringify({
    name,
    ...(access && { access }),
    network: { subnet: '172.20.0.0/16', ...network },
    redis: { replicas, nodes, ...redis },
    secrets,
    tls,
  });
}

export function specOf(shape: Shape = {}): Spec {
  return parsed(specText(shape));
}

export const IMAGE_ID = 'sha256:one';

export function wantedFor(spec: Spec, { userConf = '', imageId = IMAGE_ID } = {}): Wanted {
  return {
    network: networkDefinition(spec),
    containers: new Map(
      spec.nodes.map((node) => [node.name, containerDefinition(spec, node, spec.redis.image, 'stack.yaml')]),
    ),
    config: new Map(spec.nodes.map((node) => [node.name, { redisConf: redisConf(spec, node), userConf }])),
    proxy: proxyDefinition(spec, { version: '1.0.0', file: '/stack.yaml' }),
    imageId,
    server: undefined,
    isStandIn: false,
  };
}

export const NOTHING: Observed = {
  away: new Map(),
  networks: [],
  containers: [],
  volumes: [],
  settings: new Map(),
  formats: new Map(),
  config: new Map(),
  data: new Map(),
  copies: new Map(),
  halfMadeVolumes: new Set(),
  unread: new Set(),
  members: [],
  entrances: [],
};

/** What the engine shows after an `up` of `wanted`: everything there, everything running. */
export function observedAfterUp(wanted: Wanted): Observed {
  const definitions = [...wanted.containers.values()];
  return {
    away: new Map(),
    networks: [networkOf(wanted)],
    containers: definitions.map((definition) => containerOf(definition)),
    volumes: definitions.map(volumeOf),
    settings: settingsOf(wanted),
    formats: new Map(),
    config: new Map([...wanted.config].map(([node, text]) => [wanted.containers.get(node)?.name ?? '', text])),
    data: new Map(),
    copies: new Map(),
    halfMadeVolumes: new Set(),
    unread: new Set(),
    members: [],
    entrances: (wanted.proxy?.addresses ?? []).map((address) => ({ ...address, holder: proxyInfo(wanted) })),
  };
}

/** What the proxy says that serves what is wanted. */
export function proxyInfo({ proxy }: Pick<Wanted, 'proxy'>, changes: Partial<ProxyInfo> = {}): ProxyInfo {
  const { version = '', digest = '', file = '' } = proxy ?? {};
  const counts = { reloads: 0, trouble: '', connections: 0, uptimeSeconds: 1 };
  return { stack: 'dev', pid: 4711, user: 'ann@laptop', version, digest, file, ...counts, ...changes };
}

/** What the engine shows of containers that were made from their definitions. */
export function settingsOf({ containers }: Pick<Wanted, 'containers'>): Map<string, ContainerSettings> {
  return new Map(
    [...containers.values()].map(({ name, network, volume, ...rest }) => [
      name,
      {
        ...rest,
        networks: { [network.name]: { address: network.address, aliases: network.aliases } },
        mounts: [{ source: volume.name, path: volume.path, isWritable: true }],
        isConfined: true,
        processes: 256,
      },
    ]),
  );
}

export function networkOf({ network }: Wanted): Network {
  return { name: network.name, labels: network.labels, subnets: [network.subnet] };
}

export function containerOf(definition: ContainerDefinition, changes: Partial<Container> = {}): Container {
  return {
    name: definition.name,
    state: 'running',
    status: 'Up 5 seconds (healthy)',
    image: definition.image,
    imageId: IMAGE_ID,
    labels: definition.labels,
    ports: definition.ports,
    addresses: { [definition.network.name]: definition.network.address },
    volumes: [definition.volume.name],
    ...changes,
  };
}

export function volumeOf({ volume }: ContainerDefinition): Volume {
  return { name: volume.name, labels: volume.labels };
}

/** The same world, with one container changed. */
export function withContainer(observed: Observed, name: string, changes: Partial<Container>): Observed {
  return {
    ...observed,
    containers: observed.containers.map((one) => (one.name === name ? { ...one, ...changes } : one)),
  };
}

export function withSettings(observed: Observed, name: string, changes: Partial<ContainerSettings>): Observed {
  const settings = [...observed.settings].map(([of, one]): [string, ContainerSettings] => [
    of,
    of === name ? { ...one, ...changes } : one,
  ]);
  return { ...observed, settings: new Map(settings) };
}

export function withoutContainer(observed: Observed, ...names: readonly string[]): Observed {
  return { ...observed, containers: observed.containers.filter(({ name }) => !names.includes(name)) };
}

export function withoutVolume(observed: Observed, ...names: readonly string[]): Observed {
  return { ...observed, volumes: observed.volumes.filter(({ name }) => !names.includes(name)) };
}

/** A container that this program didn't make. */
export function strangerOf(changes: Partial<Container> = {}): Container {
  return {
    name: 'stranger',
    state: 'running',
    status: 'Up 3 days',
    image: 'stranger:1',
    imageId: 'sha256:other',
    labels: {},
    ports: [],
    addresses: {},
    volumes: [],
    ...changes,
  };
}

export function labelsOf(stack: string): Record<string, string> {
  return { [LABELS.stack]: stack };
}

/** What every node says of a cluster that is as the spec wants it. */
export function healthyViews(spec: Spec): ReachableView[] {
  const primaries = primariesOf(spec);
  const ranges = divideSlots(primaries.length);
  const id = (name: string): string => initialNodeId(spec.name, name);
  return spec.nodes.map(({ name: self, initialRole: ownRole }): ReachableView => {
    const rows = spec.nodes.map(({ name, announced, initialRole, initialPrimary }) => {
      const flags = `${name === self ? 'myself,' : ''}${initialRole === 'primary' ? 'master' : 'slave'}`;
      const range = ranges[primaries.findIndex((primary) => primary.name === name)];
      const shard = primaries.findIndex((primary) => primary.name === (initialPrimary ?? name));
      const primaryId = initialPrimary === undefined ? '-' : id(initialPrimary);
      const slots = range === undefined ? '' : formatRange(range);
      return `${id(name)} ${announced.ip}:${announced.plain}@${announced.busPort} ${flags} ${primaryId} 0 0 ${shard + 10} connected ${slots}`;
    });
    return viewOf(self, rows.join('\n'), {
      nodeCount: spec.nodes.length,
      primaryCount: primaries.length,
      replicationLink: ownRole === 'replica' ? 'up' : undefined,
    });
  });
}

export function viewOf(
  name: string,
  nodesText: string,
  facts: {
    readonly nodeCount: number;
    readonly primaryCount: number;
    readonly replicationLink?: 'up' | 'down' | undefined;
    readonly keyCount?: number;
  },
): ReachableView {
  return {
    name,
    reachable: true,
    table: parseNodeTable(nodesText),
    info: {
      state: 'ok',
      slotsAssigned: SLOT_COUNT,
      slotsOk: SLOT_COUNT,
      knownNodes: facts.nodeCount,
      size: facts.primaryCount,
      currentEpoch: facts.nodeCount,
      ownEpoch: 1,
    },
    keyCount: facts.keyCount ?? 0,
    server: 'Redis 7.0.15',
    redisVersion: '7.0.15',
    usedMemoryBytes: 1_000_000,
    evictedKeys: 0,
    replicationLink: facts.replicationLink,
    fields: new Map(),
    settings: new Map(),
  };
}

/** The StackError with which `work` ends. */
export async function failureOf(work: () => unknown): Promise<StackError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof StackError) return error;
    throw error;
  }
  throw new Error('nothing failed');
}

/** `items[index]`, which has to be there. */
export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new Error(`there is no item ${index}`);
  return item;
}
