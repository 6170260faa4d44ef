import type {
  Absence,
  Container,
  ContainerDefinition,
  ContainerDetails,
  ContainerExit,
  ContainerFile,
  FileStat,
  ContainerLimits,
  Image,
  Limit,
  Network,
  NetworkDefinition,
  Swarm,
  Volume,
} from '../plan/model/resources.ts';

/**
 * The container engine in this program's own words. `docker.ts` speaks the Docker Engine API (1.41 and later); nothing
 * else in the program knows dockerode's types. `hosts/` makes one of several.
 */
export interface Engine {
  /** Where the engine is and why this one was chosen. */
  readonly endpoint: Endpoint;

  version(): Promise<EngineVersion>;
  /** Limits of containers that it takes, and doesn't keep: rootless engines without control groups, mostly. */
  unenforcedLimits(): Promise<readonly Limit[]>;

  /** Hosts that did not answer when they were last asked, each with why: what is on them is not known. None of a single engine. */
  away(): ReadonlyMap<string, Absence>;
  /** Host → what it is in a Docker Swarm; of those that answer, of several. */
  swarms(): Promise<ReadonlyMap<string, Swarm>>;

  /** The image that `reference` names on this engine; undefined when it isn't there. */
  findImage(reference: string): Promise<Image | undefined>;
  /** Resolves when every layer has arrived. */
  pullImage(reference: string, onProgress: (text: string) => void): Promise<void>;
  /** Brings the image from a host that has it to those that don't. */
  spreadImage(reference: string, onProgress: (text: string) => void): Promise<void>;
  /** Makes an image of one layer from a tar archive of a root file system. */
  importImage(reference: string, rootFileSystem: Buffer, instructions: readonly string[]): Promise<void>;

  listNetworks(): Promise<Network[]>;
  createNetwork(network: NetworkDefinition): Promise<void>;
  /** @param host of several, the one that has it for itself */
  removeNetwork(name: string, host?: string): Promise<void>;

  /** Every container of the engine, running or not, ours or not. */
  listContainers(): Promise<Container[]>;
  /** Also makes the container's volume, when that is missing. */
  createContainer(container: ContainerDefinition): Promise<void>;
  /** What only a look at the one container shows; undefined when it isn't there. */
  inspectContainer(name: string): Promise<ContainerDetails | undefined>;
  /** Changes the limits of a container while it runs, or before it does. Some engines can't: look again. */
  updateContainer(name: string, limits: ContainerLimits): Promise<void>;
  connectContainer(name: string, network: ContainerDefinition['network']): Promise<void>;
  disconnectContainer(name: string, networkName: string): Promise<void>;
  /** Puts files into a container's file system, volumes included, whether it runs or not. */
  writeFiles(containerName: string, files: readonly ContainerFile[]): Promise<void>;
  /** A file's text; undefined when the file or the container isn't there. */
  readFile(containerName: string, path: string): Promise<string | undefined>;
  /**
   * The texts of all files below a folder, by their paths: for a few small ones, in the time that one takes. undefined when
   * the folder or the container isn't there.
   */
  readFolder(containerName: string, path: string): Promise<ReadonlyMap<string, string> | undefined>;
  /**
   * A file's bytes as they come, however many there are; undefined when the file or the container isn't there. Each chunk
   * may take as long as any other answer of the engine.
   */
  openFile(containerName: string, path: string): Promise<AsyncIterable<Buffer> | undefined>;
  /** Puts one file into a container's file system, as its content comes: no more of it is in memory than a chunk. */
  putFile(containerName: string, file: LargeFile, content: AsyncIterable<Buffer>): Promise<void>;
  /** A twentieth of the work that reading it is. undefined when the file or folder, or the container, isn't there. */
  statFile(containerName: string, path: string): Promise<FileStat | undefined>;
  startContainer(name: string): Promise<void>;
  unpauseContainer(name: string): Promise<void>;
  /** SIGTERM, and SIGKILL when the process is still there after `graceSeconds`. */
  stopContainer(name: string, graceSeconds: number): Promise<void>;
  restartContainer(name: string, graceSeconds: number): Promise<void>;
  /** Removes the container, killing it if it runs, with its anonymous volumes. Its named volume stays. */
  removeContainer(name: string): Promise<void>;
  /** Why a container is not running. */
  containerExit(name: string): Promise<ContainerExit>;
  /** The lines of a container's stdout and stderr as they come. */
  logs(name: string, options: LogOptions): AsyncIterable<string>;
  /** Runs a command in a container with this process's own terminal; resolves with its exit code. */
  execInteractive(name: string, command: readonly string[], streams: ExecStreams): Promise<number>;
  /** Runs a command in a container for as long as this process is connected, and no longer. Resolves when that is over. */
  hold(name: string, until: AbortSignal): Promise<void>;
  /** Whether somebody holds the container, whoever and wherever that is. */
  isHeld(name: string): Promise<boolean>;
  /** Runs a short command in a container that runs, and gives what it wrote to stdout. */
  readCommand(name: string, command: readonly string[]): Promise<string>;

  /** What the engine says of itself, or of a thing, in its own words: for people who look for a mistake. */
  describe(kind: 'engine' | 'container' | 'network', name?: string): Promise<unknown>;

  listVolumes(): Promise<Volume[]>;
  /**
   * Volumes that hold not one byte, were made with no options, and are in no container's use. An engine measures all that it
   * has for it, which may take long.
   */
  findEmptyVolumes(): Promise<readonly Pick<Volume, 'name' | 'host'>[]>;
  /** @param host of several, where more than one may have a volume of that name */
  removeVolume(name: string, host?: string): Promise<void>;

  /**
   * Makes a mark for others to see, or does nothing where it is there: an empty volume, which needs no image, takes some
   * milliseconds, and is none of `listVolumes`. On several hosts, one on each that answers.
   *
   * @returns the hosts that have it now; one without a name for a single engine
   */
  putMark(mark: Pick<Volume, 'name' | 'labels'>): Promise<readonly string[]>;
  /** The marks of a stack, each as often as there are hosts that have it. */
  listMarks(stack: string): Promise<Volume[]>;
  /** Also after the command was told to end. */
  removeMark(name: string): Promise<void>;
}

/** A single one, and what it takes to be one of several. */
export interface SingleEngine extends Engine {
  /** Resolves when it answers. */
  ping(): Promise<unknown>;
  swarm(): Promise<Swarm>;
  /** An archive with all of an image, as it comes. */
  saveImage(reference: string): Promise<NodeJS.ReadableStream>;
  loadImage(reference: string, archive: NodeJS.ReadableStream): Promise<void>;
}

export interface Endpoint {
  /** As DOCKER_HOST writes it: `unix:///var/run/docker.sock`, `tcp://10.0.0.5:2376`, `ssh://user@host`. */
  readonly address: string;
  /** Why this one: `--host`, `DOCKER_HOST`, `context colima`, `default socket`, … */
  readonly source: string;
  /** The host at which the engine's published ports answer. */
  readonly publishedHost: string;
}

export interface EngineVersion {
  readonly version: string;
  readonly apiVersion: string;
  readonly platform: string;
}

/** A file that is too large to be held in memory. */
export type LargeFile = Omit<ContainerFile, 'content'> & {
  /** Known before its content: it stands at the head of the archive. */
  readonly sizeBytes: number;
};

export interface LogOptions {
  readonly follow: boolean;
  readonly tail: number | 'all';
  readonly timestamps: boolean;
}

export interface ExecStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}
