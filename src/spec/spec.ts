import { parseBlock, freePart, type Block } from './addresses.ts';
import { announcedPlace, placesOf, type Announced, type Entrance, type HostPorts } from './ports.ts';
import { parseByteSize, type SpecDocument } from './schema.ts';

/** What should be: a document that has passed every check, with what follows from it worked out. */
export interface Spec {
  readonly name: string;
  /** How clients on the host come from what the nodes announce to the nodes: see `NodeSpec.entrance`. */
  readonly access: SpecDocument['access'];
  readonly network: {
    readonly name: string;
    readonly subnet: Block;
    readonly gateway: string;
    /** Where automatic addresses come from: a part of the subnet without any fixed address. */
    readonly automaticRange: Block;
    readonly driver: SpecDocument['network']['driver'];
    readonly announce?: SpecDocument['network']['announce'];
  };
  /** Empty where all nodes are on the one engine that is found. */
  readonly hosts: readonly HostSpec[];
  readonly redis: Omit<SpecDocument['redis'], 'nodes' | 'memory' | 'maxmemory'> & {
    readonly memoryBytes: number;
    readonly maxmemoryBytes: number;
  };
  /** Primaries first, in the order of the file. */
  readonly nodes: readonly NodeSpec[];
  readonly secrets: SpecDocument['secrets'];
  readonly tls: TlsSpec;
}

/** A machine with an engine of its own. */
export interface HostSpec {
  readonly name: string;
  /** As DOCKER_HOST writes it. */
  readonly engine: string;
  readonly address: string;
  /** A folder, relative to the YAML file. */
  readonly tls?: string | undefined;
}

export interface TlsSpec {
  readonly enabled: boolean;
  /** The YAML file doesn't say whether: a Vault secret's `tls_enabled` may switch it off. */
  readonly isOpen: boolean;
  /** 6379 is open too. */
  readonly plain: boolean;
  /** The bus and replication are encrypted too. */
  readonly cluster: boolean;
  /** The YAML file doesn't say whether the bus is encrypted: containers that were made without keep the bus that they have. */
  readonly isBusOpen: boolean;
  /** The image's server doesn't start with a plain bus unless it is told to. Known once the image has been asked. */
  readonly isPlainBusRefused: boolean;
  readonly clientAuth: 'no' | 'optional' | 'yes';
  readonly issuer: IssuerSpec;
}

export type IssuerSpec =
  | { readonly kind: 'private'; readonly validityDays: number }
  | {
      readonly kind: 'vault';
      readonly mount: string;
      readonly role: string;
      /** Relative to the YAML file. */
      readonly ca: string | undefined;
      readonly validityDays: number | undefined;
    }
  | {
      /** Relative to the YAML file; `{node}` stands for the node's name. */
      readonly kind: 'files';
      readonly ca: string;
      readonly certificate: string;
      readonly key: string;
      readonly client: { readonly certificate: string; readonly key: string } | undefined;
    };

export interface NodeSpec {
  readonly name: string;
  /** In its network. */
  readonly ip: string;
  /** Where the other nodes find it, and clients that reach what nodes announce. No two nodes have the same. */
  readonly announced: Announced;
  /** Where the engine publishes it, and this program reaches it. */
  readonly ports: HostPorts;
  /** Where clients on the host find it, without a map unless `access` is `map`. */
  readonly entrance: Entrance;
  /** The one of `Spec.hosts` on which it runs; undefined where there is one engine. */
  readonly host?: string | undefined;
  /** Where its ports are published, where that isn't `redis.bind`. */
  readonly bind?: string | undefined;
  /** The role with which a new cluster begins; a failover may change it later. */
  readonly initialRole: 'primary' | 'replica';
  /** For a replica: the node whose copy it begins as. */
  readonly initialPrimary: string | undefined;
}

/** @returns undefined where the addresses leave no spec to speak of; `checkDocument` then says why. */
export function toSpec(document: SpecDocument): Spec | undefined {
  const subnet = parseBlock(document.network.subnet);
  if (subnet === undefined) return undefined;
  const gateway = document.network.gateway ?? subnet.firstHost;
  const { nodes: nodeDocuments, memory, maxmemory, ...redis } = document.redis;
  const automaticRange = freePart(subnet, [gateway, ...Object.values(nodeDocuments).map(({ ip }) => ip)]);
  if (automaticRange === undefined) return undefined;

  const hosts = Object.entries(document.hosts ?? {}).map(([name, host]) => ({ name, ...host }));
  const nodes = assignRoles(
    Object.entries(nodeDocuments).map(([name, { ip, ports, host }]) => {
      const node = { name, ip, ...placesOf(document.access, name, ports) };
      return onHost(
        document.network.announce,
        node,
        hosts.find((one) => one.name === host),
      );
    }),
    redis.replicas,
  );
  return {
    name: document.name,
    access: document.access,
    network: { ...document.network, subnet, gateway, automaticRange },
    hosts,
    redis: { ...redis, memoryBytes: parseByteSize(memory), maxmemoryBytes: parseByteSize(maxmemory) },
    nodes,
    secrets: document.secrets,
    tls: toTls(document),
  };
}

/** A node as it is on that host: published, and announced, there. Without one, on the one engine. */
export function onHost<N extends Pick<NodeSpec, 'ip' | 'ports'>>(
  announce: SpecDocument['network']['announce'],
  node: N,
  host: HostSpec | undefined,
): N & Pick<NodeSpec, 'host' | 'bind' | 'announced'> {
  const place = host === undefined ? node : { ...node, host: host.name, bind: host.address };
  return { ...place, announced: announcedPlace(announce, place) };
}

/** The same nodes in another shape: `replicas` of each primary. The counts have passed `findShapeProblem`. */
export function withReplicas(spec: Spec, replicas: number): Spec {
  return { ...spec, redis: { ...spec.redis, replicas }, nodes: assignRoles(spec.nodes, replicas) };
}

/** The first nodes are primaries, and the others are dealt out to them in turn. */
export function assignRoles<T extends Pick<NodeSpec, 'name'>>(
  nodes: readonly T[],
  replicas: number,
): (T & Pick<NodeSpec, 'initialRole' | 'initialPrimary'>)[] {
  const primaryCount = nodes.length / (replicas + 1);
  return nodes.map((node, index) => {
    const isPrimary = index < primaryCount;
    return {
      ...node,
      initialRole: isPrimary ? 'primary' : 'replica',
      initialPrimary: isPrimary ? undefined : nodes[index % primaryCount]?.name,
    };
  });
}

function toTls({ tls, redis }: Pick<SpecDocument, 'tls' | 'redis'>): TlsSpec {
  const { plain, clientAuth } = tls;
  // Who closes the plain port wants nothing to go unencrypted, and replication would have no port left.
  const cluster = tls.cluster ?? (plain ? undefined : true);
  const enabled = tls.enabled ?? (cluster === true ? true : undefined);
  return {
    enabled: enabled ?? true,
    isOpen: enabled === undefined,
    plain,
    cluster: cluster ?? (enabled !== false && !IMAGE_OF_REDIS_6.test(redis.image)),
    isBusOpen: cluster === undefined,
    isPlainBusRefused: false,
    clientAuth,
    issuer: toIssuer(tls),
  };
}

/** `redis:6.2-alpine`: it can't keep the port of the bus where that is encrypted. */
const IMAGE_OF_REDIS_6 = /:6(\.\d+)*(-[^/:@]*)?(@.*)?$/;

function toIssuer(document: SpecDocument['tls']): IssuerSpec {
  switch (document.issuer) {
    case 'private':
      return { kind: 'private', validityDays: document.validityDays };
    case 'vault': {
      const { mount, role, ca, validityDays } = document;
      return { kind: 'vault', mount, role, ca, validityDays };
    }
    case 'files': {
      const { ca, certificate, key, clientCertificate, clientKey } = document;
      const client =
        clientCertificate === undefined || clientKey === undefined
          ? undefined
          : { certificate: clientCertificate, key: clientKey };
      return { kind: 'files', ca, certificate, key, client };
    }
  }
}

export function primariesOf(spec: Spec): readonly NodeSpec[] {
  return spec.nodes.filter(({ initialRole }) => initialRole === 'primary');
}
