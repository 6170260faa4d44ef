/** What stands on the container engine, as it is seen and as it is asked for. Plain data, in this program's own words. */
import type { Hint } from '../../hint.ts';

/** How an image's programs are called: `redis-server`, `valkey-cli`. */
export type ServerName = 'redis' | 'valkey';

export interface Image {
  readonly id: string;
  readonly server: ServerName;
  /** `linux/arm64`, in the words in which an engine says its own; undefined where that of the image isn't known. */
  readonly platform: string | undefined;
  /** The server's, where the image's environment says it: that of an official one does. */
  readonly version: string | undefined;
}

export interface Network {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly subnets: readonly string[];
  /** It is the same on all hosts of a Docker Swarm. */
  readonly isSwarmWide?: boolean;
  /** Of several, the one that it is on. */
  readonly host?: string;
}

export interface NetworkDefinition {
  readonly name: string;
  readonly subnet: string;
  readonly gateway: string;
  /** Where the engine takes automatic addresses from, so that it never takes a fixed one. */
  readonly automaticRange: string;
  /** By default a bridge. */
  readonly driver?: 'overlay';
  /** Of several, the one that has it for itself. */
  readonly host?: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** The Engine API's container states, `GET /containers/json`. */
export const CONTAINER_STATES = ['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead'] as const;
export type ContainerState = (typeof CONTAINER_STATES)[number];

export interface Container {
  readonly name: string;
  readonly state: ContainerState;
  /** The engine's own sentence: `Up 5 seconds (healthy)`. */
  readonly status: string;
  /** The reference that it was made from; an id where that means another image by now. */
  readonly image: string;
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly PublishedPort[];
  /** Network name → the address the container has there (empty while it doesn't run). */
  readonly addresses: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  /** Of several, the one that it is on. */
  readonly host?: string;
}

/** A port of the host, on one of its addresses. */
export interface HostPort {
  readonly hostAddress: string;
  readonly hostPort: number;
}

export interface PublishedPort extends HostPort {
  readonly containerPort: number;
}

export interface ContainerDefinition {
  readonly name: string;
  /** Of several, the one that it is to be on. */
  readonly host?: string | undefined;
  readonly image: string;
  /** `uid:gid`, in numbers, so that it holds in any image. */
  readonly user: string;
  readonly command: readonly string[];
  readonly hostname: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly network: { readonly name: string; readonly address: string; readonly aliases: readonly string[] };
  readonly ports: readonly PublishedPort[];
  readonly volume: {
    readonly name: string;
    readonly path: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly restartPolicy: 'no' | 'always' | 'on-failure' | 'unless-stopped';
  readonly healthcheck: {
    readonly command: readonly string[];
    readonly intervalMs: number;
    readonly timeoutMs: number;
  };
}

/** What a container that is there was made with, or changed to since: in the words of its definition. */
export interface ContainerSettings {
  readonly user: string;
  readonly command: readonly string[];
  readonly hostname: string;
  /** Network name → the address that it asks for there (empty for an automatic one), and its other names. */
  readonly networks: Readonly<Record<string, { readonly address: string; readonly aliases: readonly string[] }>>;
  /** Those that it asks for; what is published of them while it runs stands in `Container.ports`. */
  readonly ports: readonly PublishedPort[];
  readonly mounts: readonly Mount[];
  /** 0 where the engine sets no limit. */
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly restartPolicy: string;
  readonly healthcheck: ContainerDefinition['healthcheck'];
  /** It may do no more than each container of this program: no capability, and no way to get one. */
  readonly isConfined: boolean;
  /** How many it may have at once; 0 where the engine sets no limit. */
  readonly processes: number;
}

/** A limit that some engines take and don't keep. */
export type Limit = 'memory' | 'cpus' | 'processes';

/** What can be changed of a container while it runs. */
export type ContainerLimits = Pick<ContainerDefinition, 'restartPolicy'> &
  Partial<Pick<ContainerDefinition, 'memoryBytes' | 'cpus'>>;

export interface ContainerFile {
  /** Absolute; a path that ends in `/` is a directory. */
  readonly path: string;
  readonly content: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** The time that it is given, in whole seconds; that of writing where it isn't said. */
  readonly changedAtMs?: number;
}

/** What the engine tells of a file without reading it. */
export interface FileStat {
  readonly sizeBytes: number;
  readonly changedAtMs: number;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  readonly error: string;
  /** It ended as the engine began: that had been killed, and starts no container again that survived it. */
  readonly isEngines?: boolean;
  /** It has been started again meanwhile: how it ended before is not told any more. */
  readonly isRunning?: boolean;
}

/** What only a look at the one container shows. */
export interface ContainerDetails extends ContainerExit, ContainerSettings {
  readonly startedAtMs: number;
  /** How often the engine has started it again by itself since somebody started it. */
  readonly restartCount: number;
}

interface Mount {
  /** The volume's name, or a folder of the engine's host. */
  readonly source: string;
  readonly path: string;
  readonly isWritable: boolean;
}

export interface Volume {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Of several, the one that it is on. */
  readonly host?: string;
}

/** Why a host does not answer. */
export interface Absence {
  readonly message: string;
  readonly hint: Hint | undefined;
}

/** What an engine is in a Docker Swarm, and what it tells of its host with that. */
export interface Swarm {
  readonly nodeId: string;
  /** `pending` while it comes back to it; `unknown` to Podman, which has none. */
  readonly state: 'unknown' | 'inactive' | 'pending' | 'active' | 'error' | 'locked';
  readonly isManager: boolean;
  /** Of a manager: those of its swarm. Empty where the managers have no leader, and can't say. */
  readonly nodes: readonly SwarmNode[];
  /** 0 where it isn't told. */
  readonly memoryBytes?: number;
  /** How far its clock is ahead of this machine's, at the least. */
  readonly clockAheadMs?: number;
}

export interface SwarmNode {
  readonly id: string;
  readonly isManager: boolean;
  /** It takes containers: it is neither paused nor drained. */
  readonly isAvailable: boolean;
}
