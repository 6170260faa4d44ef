/** What `plan` says is what `up` does, word by word, wherever a stack may stand; and of nothing to do, nothing is done. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { startEngineProxy } from '../helpers/engine-proxy.ts';
import { newFaultLine } from '../helpers/fault-line.ts';
import { findDifferences } from '../helpers/plan-and-up.ts';
import { passwordOf } from '../helpers/key-values.ts';
import { dockerOf, dockerSocket, freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';

const NODES = [1, 2, 3];
const TAG = '{user:1000}';
/** Of redis-1, as 200 to 203. */
const SLOT = keySlot(Buffer.from(TAG));

let stack: TestStack;
let ids: readonly string[];

beforeAll(async () => {
  stack = await makeStack();
});
afterAll(() => stack.remove());

const docker = (node: number) => dockerOf(stack.engine).getContainer(stack.container(node));
const network = () => dockerOf(stack.engine).getNetwork(`${stack.name}-net`);
const setSlot = (slot: number, node: number, ...state: string[]): Promise<string> =>
  stack.redis(node, 'CLUSTER', 'SETSLOT', String(slot), ...state);
const id = (node: number): string => ids[node - 1] ?? '';

async function onEach(...command: string[]): Promise<void> {
  await Promise.all(NODES.map((node) => stack.redis(node, ...command)));
}

/** The engine goes on with the last calls of a command that has ended. */
async function untilQuiet(): Promise<void> {
  const look = async (): Promise<string> => {
    const [containers, networks] = [await stack.engine.listContainers(), await stack.engine.listNetworks()];
    const names = [...containers.map(({ name, state }) => `${name} ${state}`), ...networks.map(({ name }) => name)];
    return names.filter((name) => name.startsWith(stack.name)).join('\n');
  };
  let before: string | undefined;
  let same = 0;
  for (let tries = 0; tries < 120; tries += 1) {
    const now = await look();
    same = now === before ? same + 1 : 0;
    if (same === 5) return;
    before = now;
    await sleep(1000);
  }
  throw new Error('the engine does not come to rest');
}

async function halfMove(slot: number): Promise<void> {
  await setSlot(slot, 2, 'IMPORTING', id(1));
  await setSlot(slot, 1, 'MIGRATING', id(2));
}

interface State {
  readonly name: string;
  readonly make: () => Promise<unknown>;
  /** Of what is planned. */
  readonly says?: RegExp;
  /** What Redis may settle by itself between `plan` and `up`. */
  readonly passes?: RegExp;
}

const ON_THE_ENGINE: readonly State[] = [
  { name: 'taken down', make: () => stack.must('down'), says: /create network/ },
  {
    name: 'half made',
    make: async () => {
      await stack.must('down');
      await stack.run('up', '--timeout', '0.3');
      await untilQuiet();
      await stack.engine.removeContainer(stack.container(3)).catch(() => undefined);
    },
    says: /redis-3/,
  },
  { name: 'a container stopped', make: () => docker(1).stop(), says: /start container/ },
  { name: 'a container paused', make: () => docker(1).pause(), says: /unpause container/ },
  { name: 'a container removed', make: () => docker(2).remove({ force: true, v: true }), says: /create container/ },
  {
    name: 'a container and its volume removed',
    make: async () => {
      await docker(3).remove({ force: true, v: true });
      await stack.engine.removeVolume(`${stack.name}-redis-3-data`);
    },
    says: /create container/,
  },
  {
    name: 'a container under another name',
    make: () => docker(3).rename({ name: `${stack.name}-mine` }),
    says: /stop container/,
  },
  {
    name: 'limits changed by hand',
    make: async () => {
      await docker(1).update({ Memory: 100 * 1024 ** 2, MemorySwap: 100 * 1024 ** 2 });
      await docker(2).update({ RestartPolicy: { Name: 'no' }, NanoCpus: 5e8 });
    },
    says: /update container .*100 MiB/,
  },
  {
    name: 'a container off the network',
    make: () => network().disconnect({ Container: stack.container(2) }),
    says: /connect container/,
  },
  {
    name: 'a container at another address',
    make: async () => {
      const Container = stack.container(2);
      await network().disconnect({ Container });
      const IPv4Address = stack.subnet.replace('.0/24', '.77');
      await network().connect({ Container, EndpointConfig: { IPAMConfig: { IPv4Address } } });
    },
    says: /disconnect container/,
  },
];

const IN_THE_NODES: readonly State[] = [
  {
    name: 'settings changed by hand',
    make: () => stack.redis(1, 'CONFIG', 'SET', 'maxmemory', '1gb'),
    says: /set maxmemory/,
  },
  {
    name: 'redis.conf rewritten',
    make: () => stack.redis(2, 'CONFIG', 'REWRITE'),
    says: /write configuration redis-2/,
  },
  {
    name: 'another password in its file',
    make: async () => {
      const file = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password');
      writeFileSync(file, `${passwordOf(stack)}-changed\n`);
    },
    says: /password/,
  },
];

const IN_THE_FILE: readonly State[] = [
  {
    name: 'a setting for nodes that run, and one for which each has its turn',
    make: async () =>
      stack.edit((yaml) =>
        yaml.replace('maxmemory: 64mb', 'maxmemory: 60mb').replace('memory: 128mb', 'memory: 120mb'),
      ),
    says: /set maxmemory[^]*Then:[^]*stop container/,
  },
];

const IN_THE_SLOTS: readonly State[] = [
  { name: 'slots without an owner', make: () => onEach('CLUSTER', 'DELSLOTS', '1', '2', '3'), says: /give slots 1-3/ },
  { name: 'a slot importing only', make: () => setSlot(200, 2, 'IMPORTING', id(1)), says: /settle slot/ },
  { name: 'a slot migrating only', make: () => setSlot(201, 1, 'MIGRATING', id(2)), says: /settle slot/ },
  { name: 'a slot half moved', make: () => halfMove(202), says: /move slot/ },
  {
    name: 'a slot half moved, with a key of it',
    make: async () => {
      await stack.redis(1, 'SET', `${TAG}:a`, 'value');
      await halfMove(SLOT);
    },
    says: /move slot/,
  },
  {
    // The owner with the higher epoch has it from the others' next ping: that may come before anybody looks, or between.
    name: 'two owners of a slot',
    make: async () => {
      await stack.redis(1, 'CLUSTER', 'BUMPEPOCH');
      await setSlot(203, 2, 'NODE', id(2));
    },
    passes: /^only plan: settle slot 203 /,
  },
];

const IN_THE_TABLES: readonly State[] = [
  {
    name: 'two nodes that forgot each other',
    make: async () => {
      await stack.redis(2, 'CLUSTER', 'FORGET', id(3));
      await stack.redis(3, 'CLUSTER', 'FORGET', id(2));
    },
    says: /meet/,
  },
];

/** What is done wherever it stands: foretold, done, and then nothing is left. @returns what isn't so, but for what passes */
async function findLies(says = /(?:)/, passes = /(?!)/): Promise<string[]> {
  const plan = await stack.must('plan');
  const up = await stack.must('up');
  const { stdout: after } = await stack.must('plan', '--detailed-exitcode');
  return [
    ...findDifferences(plan, up).filter((difference) => !passes.test(difference)),
    ...(says.test(plan.stdout) ? [] : [`plan does not say ${says.source}: ${plan.stdout}`]),
    ...(after === 'Nothing to do: all is as the YAML file says.\n' ? [] : [`left after up: ${after}`]),
  ];
}

test('from nothing', async () => {
  expect(await findLies(/create container/)).toEqual([]);
});

describe.each([
  ['on the engine', ON_THE_ENGINE],
  ['in the nodes', IN_THE_NODES],
  ['in the YAML file', IN_THE_FILE],
  ['in the slots', IN_THE_SLOTS],
  ['in the tables', IN_THE_TABLES],
])('%s', (_where, states) => {
  test.each(states)('$name', async ({ make, says, passes }) => {
    await stack.must('up');
    ids = await Promise.all(NODES.map((node) => stack.redis(node, 'CLUSTER', 'MYID')));
    await make();
    expect(await findLies(says, passes)).toEqual([]);
  });
});

test('more nodes, and fewer', async () => {
  const [plain, tls, bus] = await freePorts(3);
  const four = `    redis-4: { ip: ${stack.subnet.replace('.0/24', '.14')}, ports: { plain: ${plain}, tls: ${tls}, bus: ${bus} } }\n`;
  stack.edit((yaml) => yaml + four);
  expect(await findLies(/create container \S+-redis-4/)).toEqual([]);
  stack.edit((yaml) => yaml.replace(four, ''));
  expect(await findLies(/move slots redis-4/)).toEqual([]);
});

/** Each of these is sent in looking. */
const LOOKING =
  /^(auth|hello|ping|info|dbsize|command|client\|\w+|cluster\|(info|nodes|slots|shards|links|myid|countkeysinslot|getkeysinslot)|config\|(get|resetstat)|acl\|(list|whoami|getuser)|function\|(dump|list|stats)|memory\|\w+|replconf|select|time|lastsave|role)$/;

test('where plan has nothing to say, up sends nothing to the engine or the nodes that changes anything', async () => {
  await stack.must('up');
  expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  await onEach('CONFIG', 'RESETSTAT');
  const sent: string[] = [];
  const line = newFaultLine();
  const socket = join(stack.folder, 'engine.sock');
  const proxy = await startEngineProxy(socket, dockerSocket(stack.engine), {
    ...line,
    meet: (call) => {
      sent.push(call);
      return undefined;
    },
  });
  try {
    expect((await stack.must('up', '--host', `unix://${socket}`)).stdout).toContain('nothing to do');
  } finally {
    await proxy.close();
  }
  expect(sent).toEqual([]);
  const commands = await Promise.all(NODES.map((node) => stack.redis(node, 'INFO', 'commandstats')));
  const names = commands.flatMap((info) => [...info.matchAll(/^cmdstat_([^:]+)/gm)].map(([, name = '']) => name));
  expect(names).toContain('cluster|nodes');
  expect(names.filter((name) => !LOOKING.test(name))).toEqual([]);
});
