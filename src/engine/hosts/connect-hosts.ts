import type { Bounds } from '../../bounds.ts';
import { errorMessage, hasCode, StackError } from '../../errors.ts';
import type { Network, Swarm } from '../../plan/model/resources.ts';
import type { Engine } from '../engine.ts';
import { askAll, Member, patienceWithin, type Call, type HostEngine, type Patience } from './member.ts';
import { spreadImage } from './spread-image.ts';

/** Where things are, or are to be, before they are seen: the names of containers and of volumes, each with its host's. */
type Placement = ReadonlyMap<string, string>;
/** One look asks several times what the hosts are in their swarm, and each answer takes the engine longer than any other. */
const LOOK_MS = 500;
type Named = { readonly name: string };

/**
 * Several engines as one: what concerns a container or a volume goes to its host, lists are all hosts' together, and what is
 * a swarm's is asked of a manager. A host that doesn't answer is away: lists are without it, and `away` names it.
 */
export function connectHosts(
  hosts: readonly HostEngine[],
  placement: Placement,
  bounds: Bounds,
  patience: Patience = patienceWithin(bounds),
): Engine {
  const members = hosts.map((host) => new Member(host, bounds.signal, patience));
  /** Where containers and volumes were seen last. */
  const homes = new Map(placement);

  const everywhere = <T>(call: Call<T>): Promise<readonly (readonly [Member, T])[]> => askAll(members, call);
  const memberOf = (host: string | undefined): Member => {
    const member =
      members.find(({ name }) => name === host) ?? members.find(({ absence }) => absence === undefined) ?? members[0];
    if (member === undefined) throw new Error('a stack on several hosts without one');
    return member;
  };
  const at = <T>(thing: string, call: Call<T>): Promise<T> => memberOf(homes.get(thing)).ask(call);
  let asked: { readonly at: number; readonly answers: ReturnType<typeof everywhere<Swarm>> } | undefined;
  const swarms = (): ReturnType<typeof everywhere<Swarm>> => {
    if (asked === undefined || performance.now() - asked.at > LOOK_MS)
      asked = { at: performance.now(), answers: everywhere((engine) => engine.swarm()) };
    return asked.answers;
  };
  const onManager = async <T>(call: Call<T>): Promise<T> => {
    const manager = (await swarms()).find(([, { nodes }]) => nodes.length > 0);
    if (manager !== undefined) return manager[0].ask(call);
    throw new StackError('ENGINE_FAILED', {
      message: 'no manager of the swarm answers among the hosts',
      hint: 'docker node ls   # on a manager',
    });
  };
  const onNetworkOf = (host: string | undefined, call: Call<void>): Promise<void> =>
    host === undefined ? onManager(call) : memberOf(host).ask(call);
  /** What all of them have. Of things of one name that which is where it is to be is known by it. */
  const listed = async <T extends Named>(call: Call<readonly T[]>): Promise<(T & { readonly host: string })[]> => {
    const all = (await everywhere(call)).flatMap(([{ name: host }, things]) =>
      things.map((thing) => ({ ...thing, host })),
    );
    const isInPlace = ({ name, host }: Named & { readonly host: string }): boolean => placement.get(name) === host;
    for (const { name, host } of [...all.filter((one) => !isInPlace(one)), ...all.filter(isInPlace)])
      homes.set(name, host);
    return all;
  };
  const { publishedHost } = memberOf(undefined).engine.endpoint;

  return {
    endpoint: {
      address: members.map(({ name, engine }) => `${name} ${engine.endpoint.address}`).join(', '),
      source: 'hosts in the YAML file',
      publishedHost,
    },
    away: () => new Map(members.flatMap(({ name, absence }) => (absence === undefined ? [] : [[name, absence]]))),
    swarms: async () => new Map((await swarms()).map(([{ name }, swarm]) => [name, swarm])),

    version: async () => firstOf(await everywhere((engine) => engine.version())),
    unenforcedLimits: async () => [
      ...new Set((await everywhere((engine) => engine.unenforcedLimits())).flatMap(([, limits]) => limits)),
    ],

    findImage: async (reference) =>
      (await everywhere((engine) => engine.findImage(reference))).find(([, image]) => image !== undefined)?.[1],
    pullImage: async (reference, onProgress) => {
      await everywhere((engine) => engine.pullImage(reference, onProgress));
    },
    spreadImage: async (reference, onProgress) =>
      spreadImage(await everywhere((engine) => engine.findImage(reference)), reference, onProgress),
    importImage: async (...image) => {
      await everywhere((engine) => engine.importImage(...image));
    },

    listNetworks: async () => {
      const [answers, states] = await Promise.all([everywhere((engine) => engine.listNetworks()), swarms()]);
      // A worker knows only those that are used there, and another manager may not know of the last change yet.
      const hasSaid = new Set(answers.map(([member]) => member));
      const [speaker] =
        states.find(([member, { nodes }]) => hasSaid.has(member) && nodes.length > 0) ?? answers[0] ?? [];
      return answers.flatMap(([member, networks]) =>
        networks.flatMap((network): Network[] => {
          if (network.isSwarmWide === true) return member === speaker ? [network] : [];
          return [{ ...network, host: member.name }];
        }),
      );
    },
    createNetwork: (network) => onNetworkOf(network.host, (engine) => engine.createNetwork(network)),
    removeNetwork: (name, host) => onNetworkOf(host, (engine) => engine.removeNetwork(name)),

    listContainers: () => listed((engine) => engine.listContainers()),
    createContainer: (container) => {
      const member = memberOf(container.host);
      homes.set(container.name, member.name);
      homes.set(container.volume.name, member.name);
      return member.ask((engine) => engine.createContainer(container));
    },
    inspectContainer: (name) => at(name, (engine) => engine.inspectContainer(name)),
    updateContainer: (name, limits) => at(name, (engine) => engine.updateContainer(name, limits)),
    connectContainer: (name, network) => at(name, (engine) => engine.connectContainer(name, network)),
    disconnectContainer: (name, network) => at(name, (engine) => engine.disconnectContainer(name, network)),
    writeFiles: (name, files) => at(name, (engine) => engine.writeFiles(name, files)),
    readFile: (name, path) => at(name, (engine) => engine.readFile(name, path)),
    readFolder: (name, path) => at(name, (engine) => engine.readFolder(name, path)),
    openFile: (name, path) => at(name, (engine) => engine.openFile(name, path)),
    putFile: (name, file, content) => at(name, (engine) => engine.putFile(name, file, content)),
    statFile: (name, path) => at(name, (engine) => engine.statFile(name, path)),
    startContainer: (name) => at(name, (engine) => engine.startContainer(name)),
    unpauseContainer: (name) => at(name, (engine) => engine.unpauseContainer(name)),
    stopContainer: (name, graceSeconds) => at(name, (engine) => engine.stopContainer(name, graceSeconds)),
    restartContainer: (name, graceSeconds) => at(name, (engine) => engine.restartContainer(name, graceSeconds)),
    removeContainer: (name) => at(name, (engine) => engine.removeContainer(name)),
    containerExit: (name) => at(name, (engine) => engine.containerExit(name)),
    isHeld: (name) => at(name, (engine) => engine.isHeld(name)),
    readCommand: (name, command) => at(name, (engine) => engine.readCommand(name, command)),
    // A person's session, or a log that is followed, ends with its connection.
    logs: (name, options) => memberOf(homes.get(name)).engine.logs(name, options),
    execInteractive: (name, ...command) => memberOf(homes.get(name)).engine.execInteractive(name, ...command),
    hold: (name, until) => memberOf(homes.get(name)).engine.hold(name, until),

    describe: async (kind, name) => {
      if (kind === 'container') return at(name ?? '', (engine) => engine.describe(kind, name));
      const answers = await everywhere((engine) =>
        engine.describe(kind, name).catch((error: unknown) => {
          // One that takes no part in the network yet doesn't know of it.
          if (hasCode(error, 'ENGINE_UNREACHABLE')) throw error;
          return errorMessage(error);
        }),
      );
      return Object.fromEntries(answers.map(([host, answer]) => [host.name, answer]));
    },

    listVolumes: () => listed((engine) => engine.listVolumes()),
    findEmptyVolumes: async () =>
      (await everywhere((engine) => engine.findEmptyVolumes())).flatMap(([{ name: host }, found]) =>
        found.map(({ name }) => ({ name, host })),
      ),
    removeVolume: (name, host = homes.get(name)) => memberOf(host).ask((engine) => engine.removeVolume(name)),

    putMark: async (mark) => (await everywhere((engine) => engine.putMark(mark))).map(([{ name }]) => name),
    listMarks: async (stack) =>
      (await everywhere((engine) => engine.listMarks(stack))).flatMap(([{ name: host }, marks]) =>
        marks.map((mark) => ({ ...mark, host })),
      ),
    removeMark: async (name) => {
      await everywhere((engine) => engine.removeMark(name));
    },
  };
}

function firstOf<T>([first]: readonly (readonly [Member, T])[]): T {
  if (first === undefined) throw new Error('a stack on several hosts without one');
  return first[1];
}
