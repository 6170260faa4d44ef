import { expect, test } from 'vitest';
import type { SingleEngine } from '../../../src/engine/engine.ts';
import { connectHosts } from '../../../src/engine/hosts/connect-hosts.ts';
import { hostSettings } from '../../../src/engine/locate.ts';
import { StackError } from '../../../src/errors.ts';
import type { Container, Image, Network, Swarm } from '../../../src/plan/model/resources.ts';
import { failureOf, strangerOf } from '../../helpers/builders.ts';

const PATIENCE = { silentMs: 20, pingMs: 20, againMs: 60_000 };
const NEVER = new Promise<never>(() => undefined);

/** What a test says of an engine; what it doesn't say is not called. */
function engineOf(name: string, calls: Partial<SingleEngine>): { name: string; engine: SingleEngine } {
  const { endpoint } = hostSettings(name, `tcp://${name}.example`);
  return { name, engine: { endpoint, ping: async () => 'OK', ...calls } as SingleEngine };
}

function hostsOf(engines: readonly ReturnType<typeof engineOf>[], placement: Record<string, string> = {}) {
  const bounds = { signal: new AbortController().signal, timeoutMs: 5000 };
  return connectHosts(engines, new Map(Object.entries(placement)), bounds, PATIENCE);
}

const listing = (...names: readonly string[]): Partial<SingleEngine> => ({
  listContainers: async (): Promise<Container[]> => names.map((name) => strangerOf({ name })),
});

test('lists are all hosts’ together, and a container is asked for on its own', async () => {
  const started: string[] = [];
  const starting = (host: string) => ({
    startContainer: async (name: string): Promise<void> => void started.push(`${name} on ${host}`),
  });
  const engine = hostsOf(
    [
      engineOf('a', { ...listing('dev-redis-1', 'dev-redis-2'), ...starting('a') }),
      engineOf('b', { ...listing('dev-redis-2', 'other'), ...starting('b') }),
    ],
    { 'dev-redis-1': 'a', 'dev-redis-2': 'b', 'dev-redis-3': 'b' },
  );
  const containers = await engine.listContainers();
  expect(containers.map(({ name, host }) => `${name} on ${host ?? ''}`)).toEqual([
    'dev-redis-1 on a',
    'dev-redis-2 on a',
    'dev-redis-2 on b',
    'other on b',
  ]);
  for (const name of ['dev-redis-1', 'dev-redis-2', 'dev-redis-3', 'other']) await engine.startContainer(name);
  expect(started).toEqual(['dev-redis-1 on a', 'dev-redis-2 on b', 'dev-redis-3 on b', 'other on b']);
});

test('a host that says nothing is away after a moment, and keeps nobody from the others', async () => {
  let asked = 0;
  const silent = engineOf('b', {
    ping: () => NEVER,
    listContainers: () => {
      asked += 1;
      return NEVER;
    },
    startContainer: () => NEVER,
  });
  const engine = hostsOf([engineOf('a', listing('dev-redis-1')), silent], { 'dev-redis-2': 'b' });
  expect((await engine.listContainers()).map(({ name }) => name)).toEqual(['dev-redis-1']);
  expect([...engine.away().keys()]).toEqual(['b']);
  // Nobody waits for it a second time.
  await engine.listContainers();
  expect(asked).toBe(1);
  expect(await failureOf(() => engine.startContainer('dev-redis-2'))).toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: 'the container engine at tcp://b.example (hosts.b in the YAML file) does not answer within 20ms',
    isPassing: true,
  });
});

test('a call that takes long is waited for where a ping is answered', async () => {
  const engine = hostsOf([
    engineOf('a', { listVolumes: () => new Promise((resolve) => void setTimeout(() => resolve([]), 200)) }),
  ]);
  expect(await engine.listVolumes()).toEqual([]);
  expect([...engine.away().keys()]).toEqual([]);
});

test('where none answers, that is the failure', async () => {
  const refusing = (name: string) =>
    engineOf(name, {
      listContainers: () => Promise.reject(new StackError('ENGINE_UNREACHABLE', { message: `${name} is away` })),
    });
  expect(await failureOf(() => hostsOf([refusing('a'), refusing('b')]).listContainers())).toMatchObject({
    message: 'a is away',
    isPassing: false,
  });
});

test('any other failure of one host is one of all', async () => {
  const failing = engineOf('b', {
    listContainers: () => Promise.reject(new StackError('ENGINE_FAILED', { message: 'database not open' })),
  });
  const engine = hostsOf([engineOf('a', listing()), failing]);
  expect(await failureOf(() => engine.listContainers())).toMatchObject({ code: 'ENGINE_FAILED' });
});

const swarm = (isManager: boolean): Swarm => ({
  nodeId: '1',
  state: 'active',
  isManager,
  nodes: isManager ? [{ id: '1', isManager: true, isAvailable: true }] : [],
});

test('a network of the swarm is one, made by a manager, and the others are each a host’s', async () => {
  const overlay: Network = { name: 'dev', labels: {}, subnets: ['172.20.0.0/16'], isSwarmWide: true };
  const bridge: Network = { name: 'bridge', labels: {}, subnets: [] };
  const made: string[] = [];
  const host = (name: string, isManager: boolean) =>
    engineOf(name, {
      listNetworks: async () => [bridge, { ...overlay, labels: isManager ? { known: 'yes' } : {} }],
      swarm: async () => swarm(isManager),
      createNetwork: async () => void made.push(name),
      removeNetwork: async () => void made.push(`not ${name}`),
    });
  const engine = hostsOf([host('a', false), host('b', true)]);
  expect(await engine.listNetworks()).toEqual([
    { ...bridge, host: 'a' },
    { ...bridge, host: 'b' },
    { ...overlay, labels: { known: 'yes' } },
  ]);
  const network = { name: 'dev', subnet: '', gateway: '', automaticRange: '', labels: {} };
  await engine.createNetwork(network);
  expect(made).toEqual(['b']);
  // One that is a host's own is made there, whether it manages a swarm or not.
  await engine.createNetwork({ ...network, host: 'a' });
  await engine.removeNetwork('dev', 'a');
  await engine.removeNetwork('dev');
  expect(made).toEqual(['b', 'a', 'not a', 'not b']);
});

test('an image that is another one on one host is nobody’s to choose', async () => {
  const holding = (name: string, id: string) =>
    engineOf(name, {
      findImage: async (): Promise<Image> => ({ id, server: 'redis', platform: undefined, version: undefined }),
    });
  const engine = hostsOf([holding('a', '1'), holding('b', '2')]);
  expect(await failureOf(() => engine.spreadImage('redis:7', () => undefined))).toMatchObject({
    code: 'IMAGE_UNAVAILABLE',
    message: 'redis:7 is another image on b than on a; nothing was changed',
    hint: 'docker -H tcp://a.example save redis:7 | docker -H tcp://b.example load   # or pull it on both',
  });
});

test('a volume of which several have one of the same name is removed where it is said', async () => {
  const removed: string[] = [];
  const removing = (host: string) => ({
    removeVolume: async (name: string): Promise<void> => void removed.push(`${name} on ${host}`),
  });
  const engine = hostsOf([engineOf('a', removing('a')), engineOf('b', removing('b'))], { data: 'b' });
  await engine.removeVolume('data', 'a');
  await engine.removeVolume('data');
  expect(removed).toEqual(['data on a', 'data on b']);
});
