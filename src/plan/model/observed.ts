import type { ConfigText } from '../node/config-drift.ts';
import type { Server } from './server.ts';
import type {
  Absence,
  Container,
  HostPort,
  ContainerSettings,
  Network,
  Volume,
  ContainerDefinition,
  NetworkDefinition,
} from './resources.ts';

/** What the proxy of a stack says of itself. */
export interface ProxyInfo {
  readonly stack: string;
  readonly pid: number;
  /** The program's. */
  readonly version: string;
  /** See `ProxyDefinition`. */
  readonly digest: string;
  /** `ann@laptop` */
  readonly user: string;
  /** The YAML file that it reads again on SIGHUP; empty where it doesn't: in the foreground. */
  readonly file: string;
  /** How often it has done so, and what kept it the last time from serving what the file says. */
  readonly reloads: number;
  readonly trouble: string;
  readonly connections: number;
  readonly uptimeSeconds: number;
}

/** Who listens where clients on the host come in, or came in when the containers were made. */
export interface EntranceSeen extends HostPort {
  readonly holder: ProxyInfo | 'nobody' | 'something else';
}

/** The proxy as it should be. */
export interface ProxyDefinition {
  readonly addresses: readonly HostPort[];
  readonly version: string;
  /** The YAML file that it is started with. */
  readonly file: string;
  /** Of all that it serves, to see when the YAML file asks for something else. */
  readonly digest: string;
}

/** What is: everything on the engine that a plan may depend on. */
export interface Observed {
  /** Hosts that don't answer: what is on them is not known, and none of it is missing here. */
  readonly away: ReadonlyMap<string, Absence>;
  readonly networks: readonly Network[];
  /** Also those that aren't ours: they may hold a name, a port or an address. */
  readonly containers: readonly Container[];
  readonly volumes: readonly Volume[];
  /**
   * Not among `volumes`: those of wanted names that nobody's label is on, and that hold nothing. An engine that ends while
   * it makes a volume leaves such a one.
   */
  readonly halfMadeVolumes: ReadonlySet<string>;
  /** Container name → what it was made with; of this stack's containers. */
  readonly settings: ReadonlyMap<string, ContainerSettings>;
  /** Containers that don't run, with other data files than their next configuration reads. */
  readonly unread: ReadonlySet<string>;
  /** Container name → the version of RDB that its data is in; only where it was made from another image. */
  readonly formats: ReadonlyMap<string, number>;
  /** Container name → its node's configuration, as its files say it; of those that have been given theirs. */
  readonly config: ReadonlyMap<string, ConfigText>;
  /** Node name → what its data folder holds; only where a plan needs to know (see `needsData`). */
  readonly data: ReadonlyMap<string, NodeData>;
  /**
   * Node that would start without data → nodes that copy whoever is at its address. They would copy it, empty as it is,
   * and lose the only copy that is left: one of them has to take over before it starts.
   */
  readonly copies: ReadonlyMap<string, readonly string[]>;
  /**
   * Containers of this stack that the YAML file doesn't name any more, and whose nodes are still of the cluster: they own
   * slots, or they run and know others. They leave it before they are removed.
   */
  readonly members: readonly string[];
  /** Where the proxy should listen, or was to when the containers were made. */
  readonly entrances: readonly EntranceSeen[];
}

/**
 * `empty`: no node table, no append-only file, no dump: it never ran.
 * `bootstrapping`: a node table with which it can't have taken a write yet, of exactly the cluster that is wanted.
 * `foreign bootstrap`: such a table, but of another cluster than the wanted one: an unfinished `up` of an older YAML file.
 * `unseen`: a volume without a container through which it could be looked into.
 * `formed`: anything else. It may hold data.
 */
export type NodeData = 'empty' | 'unseen' | 'bootstrapping' | 'foreign bootstrap' | 'formed';

/** With such data a node can't have taken a write. */
export function holdsNothing(data: NodeData | undefined): boolean {
  return data === 'empty' || data === 'bootstrapping' || data === 'foreign bootstrap';
}

/** What the engine should hold. `containers` is keyed by node name. */
export interface Wanted {
  readonly network: NetworkDefinition;
  readonly containers: ReadonlyMap<string, ContainerDefinition>;
  /** Node name → its configuration. */
  readonly config: ReadonlyMap<string, ConfigText>;
  /** undefined where clients come in without one. */
  readonly proxy: ProxyDefinition | undefined;
  readonly imageId: string;
  /** What the image runs; undefined where that isn't known. */
  readonly server: Server | undefined;
  /** The local image stands in for the one that the YAML file names. */
  readonly isStandIn: boolean;
}
