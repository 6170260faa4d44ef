import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import { inspect } from 'node:util';
import type { ConnectionSettings } from './locate.ts';
import type { SingleEngine } from './engine.ts';
import type { Bounds } from '../bounds.ts';
import { once } from '../once.ts';
import {
  containerAnswers,
  detailsAnswer,
  infoAnswer,
  networkAnswer,
  networkAnswers,
  understood,
} from './docker-answers.ts';
import {
  containerBody,
  endpointBody,
  limitsBody,
  networkBody,
  toContainer,
  toContainerDetails,
  toContainerExit,
  toNetwork,
  volumeBody,
  type Labels,
} from './docker-bodies.ts';
import { introduce, isPodman, readSwarm } from './api-version.ts';
import { createCalls, unless, unlessItsOwn, unlessMissing, unlessUnchanged } from './docker-calls.ts';
import { containerCommands } from './docker-commands.ts';
import { containerFiles } from './docker-files.ts';
import { containerImages } from './docker-images.ts';
import { linesOf, readLogs, translated } from './docker-streams.ts';
import { containerVolumes } from './docker-volumes.ts';
import { filePlaces } from './file-places.ts';
import type { OnAbsence } from './patience.ts';
import { withTransport } from './ssh.ts';

/** docker-modem renders all that it sends for a debug log that nobody reads: an agent, with every connection of it, each time. */
const BRIEF = { [inspect.custom]: () => 'Agent' };

/** A person who has pressed Ctrl-C is kept no longer. */
const LAST_CALL_MS = 3000;

/**
 * The engine behind `settings`, through dockerode.
 *
 * Every rejection is a StackError; the request paths are those of Engine API 1.41, with a version as `apiVersionFor` says.
 *
 * @param more.labels for everything that is made through this connection, beside the labels of its definition
 * @param more.onAbsence for who is in the middle of something: an engine that has answered before is waited for. Without it,
 *   each call fails as soon as nobody answers.
 */
export async function connectDocker(
  settings: ConnectionSettings,
  { signal, timeoutMs }: Bounds,
  { labels: moreLabels = {}, onAbsence }: { readonly labels?: Labels; readonly onAbsence?: OnAbsence | undefined } = {},
): Promise<SingleEngine> {
  // Imported here because loading dockerode is a good part of the time that a short command takes.
  const { default: Docker } = await import('dockerode');
  // Every call that is under way listens to it, and a plan for thirty nodes has many of them at a time.
  setMaxListeners(0, signal);
  const { endpoint } = settings;
  // An engine that is told to end goes on answering over the connections that it has. Over new ones it is seen to be away.
  const isSeenAway = onAbsence !== undefined && settings.options.socketPath !== undefined;
  const seeing = isSeenAway ? { agent: Object.assign(new Agent({ keepAlive: false }), BRIEF) } : {};
  const docker = new Docker(withTransport({ ...settings.options, ...seeing }));
  const identity = once(() => introduce(docker, endpoint));
  const calls = createCalls(docker, endpoint, { signal, timeoutMs }, { onAbsence, prepare: identity });
  const { attempt, bounded, look, change } = calls;
  const lastBounds = { signal: new AbortController().signal, timeoutMs: Math.min(timeoutMs, LAST_CALL_MS) };
  const lastCalls = createCalls(docker, endpoint, lastBounds, { onAbsence: undefined, prepare: identity });
  const places = filePlaces(docker, identity);

  return {
    endpoint,

    version: () =>
      look('read the engine version', async () => {
        const { Version, ApiVersion, Os, Arch } = await identity();
        return { version: Version, apiVersion: ApiVersion, platform: `${Os}/${Arch}` };
      }),

    unenforcedLimits: () =>
      look('read what the engine can do', async () => {
        const { MemoryLimit, CpuCfsQuota, PidsLimit } = understood(infoAnswer, await docker.info());
        return [
          ...(MemoryLimit ? [] : ['memory' as const]),
          ...(CpuCfsQuota ? [] : ['cpus' as const]),
          ...(PidsLimit ? [] : ['processes' as const]),
        ];
      }),

    away: () => new Map(),
    swarms: async () => new Map(),
    ping: calls.ping,
    swarm: () => look('read its swarm', async () => readSwarm(docker, await identity())),

    ...containerImages(docker, calls, { signal, timeoutMs }),

    listNetworks: () =>
      look('list networks', async () => understood(networkAnswers, await docker.listNetworks()).map(toNetwork)),
    createNetwork: (network) =>
      change(`create network ${network.name}`, () => docker.createNetwork(networkBody(network, moreLabels))),
    removeNetwork: (name) =>
      change(`remove network ${name}`, () => unlessMissing(() => docker.getNetwork(name).remove())),

    listContainers: () =>
      look('list containers', async () =>
        understood(containerAnswers, await docker.listContainers({ all: true })).map((one) => {
          const container = toContainer(one);
          places.listed(container.name, one.Mounts);
          return container;
        }),
      ),
    createContainer: (container) =>
      change(`create container ${container.name}`, async () => {
        // By a call of its own, which changes nothing where it is there: Podman labels none that comes with a container.
        // One without a name comes and goes with it.
        if (container.volume.name !== '') await docker.createVolume(volumeBody(container.volume, moreLabels));
        await docker.createContainer(containerBody(container, moreLabels, isPodman(await identity())));
        places.made(container);
      }),
    inspectContainer: (name) =>
      look(`inspect container ${name}`, () =>
        unlessMissing(async () =>
          toContainerDetails(understood(detailsAnswer, await docker.getContainer(name).inspect())),
        ),
      ),
    updateContainer: (name, limits) =>
      // Podman 4 has no such call; rootless Docker without control groups has, and fails.
      change(`update container ${name}`, () =>
        unless([404, 500], () => docker.getContainer(name).update(limitsBody(limits))),
      ),
    connectContainer: (name, network) =>
      change(`connect container ${name} to ${network.name}`, () =>
        docker.getNetwork(network.name).connect({ Container: name, EndpointConfig: endpointBody(network) }),
      ),
    disconnectContainer: (name, networkName) =>
      change(`disconnect container ${name} from ${networkName}`, () =>
        docker.getNetwork(networkName).disconnect({ Container: name }),
      ),
    ...containerFiles(docker, calls, { signal, timeoutMs }, places),
    unpauseContainer: (name) => change(`unpause container ${name}`, () => docker.getContainer(name).unpause()),
    startContainer: (name) =>
      change(`start container ${name}`, () =>
        unlessUnchanged(() =>
          unlessItsOwn(
            name,
            () => docker.getContainer(name).start(),
            () => docker.getContainer(name).inspect(),
          ),
        ),
      ),
    stopContainer: (name, graceSeconds) =>
      change(`stop container ${name}`, () =>
        unlessMissing(() => unlessUnchanged(() => docker.getContainer(name).stop({ t: graceSeconds }))),
      ),
    restartContainer: (name, graceSeconds) =>
      change(`restart container ${name}`, () => docker.getContainer(name).restart({ t: graceSeconds })),
    removeContainer: (name) =>
      change(`remove container ${name}`, () =>
        unlessMissing(() => docker.getContainer(name).remove({ force: true, v: true })),
      ),
    containerExit: (name) =>
      look(`inspect container ${name}`, async () => {
        // It is made anew as the engine begins. Where it can't be read, it only isn't known when that was.
        const bridge = docker
          .getNetwork('bridge')
          .inspect()
          .catch(() => ({}));
        const container = understood(detailsAnswer, await docker.getContainer(name).inspect());
        return toContainerExit(container, understood(networkAnswer, await bridge).Created);
      }),
    logs: (name, options) => {
      const doing = `read the logs of ${name}`;
      const chunks = readLogs(docker, name, { ...options, signal }, (call) => bounded(doing, call));
      return translated(linesOf(chunks), (next) => attempt(doing, next));
    },
    ...containerCommands(docker, calls),

    describe: (kind, name = '') =>
      bounded(`inspect ${kind} ${name}`.trim(), async (): Promise<unknown> => {
        if (kind === 'engine') return docker.info();
        return kind === 'container' ? docker.getContainer(name).inspect() : docker.getNetwork(name).inspect();
      }),

    ...containerVolumes(docker, calls, lastCalls, moreLabels),
  };
}
