import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { posix } from 'node:path';
import type { ConnectionSettings } from './locate.ts';
import type { Engine } from './engine.ts';
import { whileMoving, withinBounds, type Bounds } from '../bounds.ts';
import {
  containerAnswers,
  detailsAnswer,
  exitAnswer,
  imageAnswer,
  networkAnswers,
  understood,
  versionAnswer,
  usageAnswer,
  volumesAnswer,
} from './docker-answers.ts';
import {
  containerBody,
  endpointBody,
  limitsBody,
  networkBody,
  toContainer,
  toContainerDetails,
  toNetwork,
} from './docker-bodies.ts';
import { engineFailure, hasStatus } from './docker-errors.ts';
import { createPatience, IMPATIENT, type OnAbsence } from './patience.ts';
import {
  execInteractive,
  fileChunks,
  followPull,
  readCommand,
  readLogs,
  readTextFiles,
  tarOf,
  tarStream,
} from './docker-streams.ts';

/**
 * The engine behind `settings`, through dockerode.
 *
 * Every rejection is a StackError; the request paths are those of Engine API 1.41, sent without a version prefix so that
 * the engine answers in its own.
 *
 * @param more.labels for everything that is made through this connection, beside the labels of its definition
 * @param more.onAbsence for who is in the middle of something: an engine that has answered before is waited for. Without it,
 *   each call fails as soon as nobody answers.
 */
export async function connectDocker(
  settings: ConnectionSettings,
  { signal, timeoutMs }: Bounds,
  { labels: moreLabels = {}, onAbsence }: { readonly labels?: Labels; readonly onAbsence?: OnAbsence | undefined } = {},
): Promise<Engine> {
  // Imported here because loading dockerode is a good part of the time that a short command takes.
  const { default: Docker } = await import('dockerode');
  // Every call that is under way listens to it, and a plan for thirty nodes has many of them at a time.
  setMaxListeners(0, signal);
  const { endpoint } = settings;
  // An engine that is told to end goes on answering over the connections that it has. Over new ones it is seen to be away.
  const isSeenAway = onAbsence !== undefined && settings.options.socketPath !== undefined;
  const docker = new Docker({ ...settings.options, ...(isSeenAway ? { agent: new Agent({ keepAlive: false }) } : {}) });
  /** A call without a bound of its own: it takes as long as a person or a download takes. */
  const attempt = async <T>(doing: string, call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      throw engineFailure(error, doing, endpoint);
    }
  };
  const bounded = <T>(doing: string, call: () => Promise<T>): Promise<T> =>
    attempt(doing, () => withinBounds(call(), `could not ${doing}`, { signal, timeoutMs }));
  const ask = (): Promise<unknown> => bounded('reach it', () => docker.ping());
  const patience = onAbsence === undefined ? IMPATIENT : createPatience({ signal, timeoutMs }, { ...onAbsence, ask });
  const look = <T>(doing: string, call: () => Promise<T>): Promise<T> => patience.reading(() => bounded(doing, call));
  const change = <T>(doing: string, call: () => Promise<T>): Promise<T> =>
    patience.changing(() => bounded(doing, call));
  const readFiles = (containerName: string, path: string): Promise<ReadonlyMap<string, string> | undefined> =>
    look(`read ${path} of ${containerName}`, () =>
      unlessMissing(async () => readTextFiles(await docker.getContainer(containerName).getArchive({ path }))),
    );

  return {
    endpoint,

    version: () =>
      look('read the engine version', async () => {
        const { Version, ApiVersion, Os, Arch } = understood(versionAnswer, await docker.version());
        return { version: Version, apiVersion: ApiVersion, platform: `${Os}/${Arch}` };
      }),

    findImage: (reference) =>
      look(`look up image ${reference}`, () =>
        unlessMissing(async () => {
          const { Id } = understood(imageAnswer, await docker.getImage(reference).inspect());
          return { id: Id };
        }),
      ),
    pullImage: (reference, onProgress) =>
      attempt(`pull image ${reference}`, () =>
        whileMoving(
          async (onMove) => {
            const named = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
            await followPull(await docker.pull(named, { abortSignal: signal }), (text) => {
              onMove();
              onProgress(text);
            });
          },
          `no progress while pulling ${reference}`,
          { signal, timeoutMs },
        ),
      ),
    importImage: (reference, rootFileSystem, instructions) =>
      change(`import image ${reference}`, async () => {
        const [repo, tag] = splitReference(reference);
        const { Readable } = await import('node:stream');
        const options = { repo, tag, changes: [...instructions] };
        await followPull(await docker.importImage(Readable.from([rootFileSystem]), options), () => undefined);
      }),

    listNetworks: () =>
      look('list networks', async () => understood(networkAnswers, await docker.listNetworks()).map(toNetwork)),
    createNetwork: (network) =>
      change(`create network ${network.name}`, async () => {
        await docker.createNetwork(networkBody(network, moreLabels));
      }),
    removeNetwork: (name) =>
      change(`remove network ${name}`, async () => {
        await unlessMissing(() => docker.getNetwork(name).remove());
      }),

    listContainers: () =>
      look('list containers', async () =>
        understood(containerAnswers, await docker.listContainers({ all: true })).map(toContainer),
      ),
    createContainer: (container) =>
      change(`create container ${container.name}`, async () => {
        await docker.createContainer(containerBody(container, moreLabels));
      }),
    inspectContainer: (name) =>
      look(`inspect container ${name}`, () =>
        unlessMissing(async () =>
          toContainerDetails(understood(detailsAnswer, await docker.getContainer(name).inspect())),
        ),
      ),
    updateContainer: (name, limits) =>
      change(`update container ${name}`, async () => {
        await docker.getContainer(name).update(limitsBody(limits));
      }),
    connectContainer: (name, network) =>
      change(`connect container ${name} to ${network.name}`, async () => {
        await docker.getNetwork(network.name).connect({ Container: name, EndpointConfig: endpointBody(network) });
      }),
    disconnectContainer: (name, networkName) =>
      change(`disconnect container ${name} from ${networkName}`, async () => {
        await docker.getNetwork(networkName).disconnect({ Container: name });
      }),
    writeFiles: (containerName, files) =>
      change(`write the files of ${containerName}`, async () => {
        await docker.getContainer(containerName).putArchive(await tarOf(files), { path: '/' });
      }),
    readFile: async (containerName, path) => {
      const [text] = (await readFiles(containerName, path))?.values() ?? [];
      return text;
    },
    readFolder: async (containerName, path) => {
      const files = await readFiles(containerName, path);
      // In the archive they are below the folder's own name.
      return files && new Map([...files].map(([name, text]) => [posix.join(path, '..', name), text]));
    },
    openFile: (containerName, path) =>
      look(`open ${path} of ${containerName}`, () =>
        unlessMissing(async () => {
          const archive = await docker.getContainer(containerName).getArchive({ path });
          return fileChunks(archive, (next) => bounded(`read ${path} of ${containerName}`, next));
        }),
      ),
    putFile: (containerName, file, content) =>
      attempt(`write ${file.path} of ${containerName}`, () =>
        whileMoving(
          async (onMove) => {
            const archive = await tarStream(file, content, onMove);
            await docker.getContainer(containerName).putArchive(archive, { path: '/', abortSignal: signal });
          },
          `no progress while writing ${file.path} of ${containerName}`,
          { signal, timeoutMs },
        ),
      ),
    pathExists: (containerName, path) =>
      look(`look for ${path} in ${containerName}`, async () => {
        const found = await unlessMissing(() => docker.getContainer(containerName).infoArchive({ path }));
        return found !== undefined;
      }),
    unpauseContainer: (name) =>
      change(`unpause container ${name}`, async () => {
        await docker.getContainer(name).unpause();
      }),
    startContainer: (name) =>
      change(`start container ${name}`, async () => {
        await unlessUnchanged(() => docker.getContainer(name).start());
      }),
    stopContainer: (name, graceSeconds) =>
      change(`stop container ${name}`, async () => {
        await unlessMissing(() => unlessUnchanged(() => docker.getContainer(name).stop({ t: graceSeconds })));
      }),
    restartContainer: (name, graceSeconds) =>
      change(`restart container ${name}`, async () => {
        await docker.getContainer(name).restart({ t: graceSeconds });
      }),
    removeContainer: (name) =>
      change(`remove container ${name}`, async () => {
        await unlessMissing(() => docker.getContainer(name).remove({ force: true, v: true }));
      }),
    containerExit: (name) =>
      look(`inspect container ${name}`, async () => {
        const { State } = understood(exitAnswer, await docker.getContainer(name).inspect());
        return { exitCode: State.ExitCode, outOfMemory: State.OOMKilled, error: State.Error };
      }),
    logs: (name, options) => {
      const doing = `read the logs of ${name}`;
      const open = <T>(call: () => Promise<T>): Promise<T> => bounded(doing, call);
      return translated(readLogs(docker, name, { ...options, signal }, open), attempt, doing);
    },
    execInteractive: (name, command, streams) =>
      attempt(`run a command in ${name}`, () => execInteractive(docker, name, command, streams)),
    readCommand: (name, command) =>
      bounded(`run ${command[0] ?? ''} in ${name}`, () => readCommand(docker, name, command)),

    describe: (kind, name = '') =>
      bounded(`inspect ${kind} ${name}`.trim(), async (): Promise<unknown> => {
        if (kind === 'engine') return docker.info();
        return kind === 'container' ? docker.getContainer(name).inspect() : docker.getNetwork(name).inspect();
      }),

    listVolumes: () =>
      look('list volumes', async () => {
        const { Volumes } = understood(volumesAnswer, await docker.listVolumes());
        return Volumes.map(({ Name, Labels }) => ({ name: Name, labels: Labels }));
      }),
    findEmptyVolumes: () =>
      look('measure volumes', async () => {
        const { Volumes } = understood(usageAnswer, await docker.df());
        return Volumes.filter(
          ({ Driver, Options, UsageData }) =>
            Driver === 'local' &&
            Object.keys(Options).length === 0 &&
            UsageData?.Size === 0 &&
            UsageData.RefCount === 0,
        ).map(({ Name }) => Name);
      }),
    removeVolume: (name) =>
      change(`remove volume ${name}`, async () => {
        await unlessMissing(() => docker.getVolume(name).remove());
      }),
  };
}

type Labels = Readonly<Record<string, string>>;

/** The same chunks; a failure between two of them is told as that of a call is. */
async function* translated(
  chunks: AsyncGenerator<Buffer>,
  attempt: <T>(doing: string, call: () => Promise<T>) => Promise<T>,
  doing: string,
): AsyncGenerator<Buffer> {
  try {
    for (;;) {
      const next = await attempt(doing, () => chunks.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Who stops half-way wants no more of it.
    await chunks.return(undefined);
  }
}

async function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

/** 304: the container already is what the call would make it. */
async function unlessUnchanged(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!hasStatus(error, 304)) throw error;
  }
}

function splitReference(reference: string): [string, string] {
  const colon = reference.lastIndexOf(':');
  return [reference.slice(0, colon), reference.slice(colon + 1)];
}
