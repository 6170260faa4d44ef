import { afterEach, expect, test } from 'vitest';
import { REDIS_CONF_FILE } from '../../src/plan/redis-config.ts';
import { appendonlyMark } from '../../src/stack/data-folder.ts';
import { stopSaving } from '../../src/stack/switch-persistence.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
afterEach(() => stack.remove());

/** A key in each of the three nodes: their slots are 1649, 7597 and 11033. */
const KEYS = ['user:1000', 'user:2000', 'user:3000'];

async function writeKeys(): Promise<void> {
  for (const key of KEYS) expect(await stack.redis(1, 'SET', key, `value of ${key}`)).toBe('OK');
}

async function expectKeys(): Promise<void> {
  for (const key of KEYS) expect(await stack.redis(2, 'GET', key)).toBe(`value of ${key}`);
}

test('down keeps the data, and the next up goes on with it under the same identity', async () => {
  stack = await makeStack();
  await stack.must('up');
  await writeKeys();
  const id = await stack.redis(1, 'CLUSTER', 'MYID');
  const { stdout } = await stack.must('down');
  expect(stdout).toContain(`The data is kept in`);
  const names = (await stack.engine.listContainers()).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith(stack.name))).toEqual([]);
  expect((await stack.engine.listNetworks()).map(({ name }) => name)).not.toContain(`${stack.name}-net`);

  expect((await stack.must('plan')).stdout).not.toContain('seed');
  await stack.must('up');
  await expectKeys();
  expect(await stack.redis(1, 'CLUSTER', 'MYID')).toBe(id);
});

test('down --volumes asks, and deletes the data only after a yes', async () => {
  stack = await makeStack();
  await stack.must('up');
  await writeKeys();
  const refused = await stack.run('down', '--volumes');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('nothing was changed');
  await expectKeys();

  await stack.must('down', '--volumes', '--yes');
  expect((await stack.engine.listVolumes()).filter(({ name }) => name.startsWith(stack.name))).toEqual([]);
  await stack.must('up');
  expect(await stack.redis(1, 'GET', 'user:1000')).toBe('');
});

test('a second down has nothing to do', async () => {
  stack = await makeStack();
  await stack.must('up');
  await stack.must('down');
  expect((await stack.must('down')).stdout).toContain('nothing was there');
});

test('a container that was deleted by hand comes back with its data', async () => {
  stack = await makeStack();
  await stack.must('up');
  await writeKeys();
  await stack.engine.removeContainer(stack.container(2));
  const { stdout } = await stack.run('status');
  expect(stdout).toContain('redis-2 does not answer: its container is not there');
  await stack.must('up');
  await expectKeys();
});

test('a container that was stopped or paused by hand runs again', async () => {
  stack = await makeStack();
  await stack.must('up');
  await writeKeys();
  await stack.engine.stopContainer(stack.container(1), 10);
  expect((await stack.run('status')).exitCode).toBe(1);
  await stack.must('up');
  await expectKeys();

  const docker = dockerOf(stack.engine);
  await docker.getContainer(stack.container(3)).pause();
  expect((await stack.must('plan')).stdout).toContain(`~ unpause container ${stack.container(3)}  (it is paused)`);
  await stack.must('up');
  await expectKeys();
});

/** Writes keys of all three nodes: `from` up to, and without, `to`. */
async function writeMany(from: number, to: number): Promise<void> {
  for (const tag of KEYS) {
    const pairs = Array.from({ length: to - from }, (_, index) => [`{${tag}}:${from + index}`, 'x']).flat();
    expect(await stack.redis(1, 'MSET', ...pairs)).toBe('OK');
  }
}

/** Those of `writeMany`. A node that is killed right after `up` may come back with a key of `up`'s own, for seconds. */
async function countKeys(): Promise<number> {
  const keys = await Promise.all([1, 2, 3].map((node) => stack.redis(node, 'KEYS', '{user:*')));
  return keys.flatMap((answer) => answer.split('\n')).filter((key) => key !== '').length;
}

function setAppendonly(value: boolean): void {
  stack.edit((yaml) => yaml.replace(`appendonly: ${!value}`, `appendonly: ${value}`));
}

/** As a host that loses power: what Redis has not written, it won't write. */
async function killNodes(...nodes: number[]): Promise<void> {
  const docker = dockerOf(stack.engine);
  await Promise.all(nodes.map((node) => docker.getContainer(stack.container(node)).kill()));
}

/** As a stack of an earlier version of this program. */
async function takeMarks(): Promise<void> {
  const mark = { ...appendonlyMark(true), content: '' };
  await Promise.all([1, 2, 3].map((node) => stack.engine.writeFiles(stack.container(node), [mark])));
}

async function expectRefused(): Promise<void> {
  const { exitCode, stderr } = await stack.run('up');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('DATA_AT_RISK');
}

const WITH_LOG = '  persistence: { appendonly: true }\n';
const WITHOUT_LOG = '  persistence: { appendonly: false }\n';

test('the append-only file is switched on, off and on again: keys of all times are there', async () => {
  stack = await makeStack({ redis: WITHOUT_LOG });
  await stack.must('up');
  await writeMany(0, 50);
  setAppendonly(true);
  await stack.must('up');
  await writeMany(50, 100);
  await takeMarks();
  setAppendonly(false);
  await stack.must('up');
  expect(await countKeys()).toBe(300);
  await writeMany(100, 150);
  setAppendonly(true);
  // The append-only file of before is still there, and knows nothing of the newer keys.
  await stack.must('up');
  await killNodes(1, 2, 3);
  await stack.must('up');
  expect(await countKeys()).toBe(450);
});

test('the append-only file is switched off while no node runs: they are started for it', async () => {
  stack = await makeStack({ redis: WITH_LOG });
  await stack.must('up');
  await writeMany(0, 100);
  // The first one is killed while it writes its dump, because that takes too long.
  const kill = (name: string): Promise<void> => dockerOf(stack.engine).getContainer(name).kill();
  const killing = { ...(await stack.session()), engine: { ...stack.engine, stopContainer: kill } };
  await expect(stopSaving(killing, stack.container(1))).rejects.toMatchObject({ code: 'DATA_AT_RISK' });
  // The second one ended in order, and whoever stopped it was killed before he could say so.
  await stack.engine.stopContainer(stack.container(2), 10);
  await killNodes(3);
  setAppendonly(false);
  await stack.must('up');
  expect(await countKeys()).toBe(300);
  expect(await stack.redis(1, 'CONFIG', 'GET', 'appendonly')).toContain('no');
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('the append-only file is switched off, and a node does not start: refused, and nothing is lost', async () => {
  stack = await makeStack({ redis: WITH_LOG });
  await stack.must('up');
  await writeMany(0, 100);
  await killNodes(2);
  const conf = { path: REDIS_CONF_FILE, mode: 0o644, uid: 999, gid: 999 };
  const content = (await stack.engine.readFile(stack.container(2), REDIS_CONF_FILE)) ?? '';
  await stack.engine.writeFiles(stack.container(2), [{ ...conf, content: `${content}\nno-such-setting yes\n` }]);
  setAppendonly(false);
  await expectRefused();
  // As the hint says.
  setAppendonly(true);
  await stack.must('up');
  expect(await countKeys()).toBe(300);
});

test('the append-only file is switched off where redis.conf says to save nothing: every key comes into the dump', async () => {
  stack = await makeStack({ redis: WITH_LOG, redisConf: 'save ""\nshutdown-on-sigterm nosave\n' });
  await stack.must('up');
  await writeMany(0, 100);
  setAppendonly(false);
  await stack.must('up');
  expect(await countKeys()).toBe(300);
  expect(await stack.redis(1, 'CONFIG', 'GET', 'appendonly')).toContain('no');
});

test('the append-only file is switched after a down, which leaves only the data: refused both ways', async () => {
  stack = await makeStack({ redis: WITH_LOG });
  await stack.must('up');
  await writeMany(0, 50);
  await stack.must('down');
  setAppendonly(false);
  await expectRefused();
  // The containers are there now, and hold no configuration; without marks, the files alone tell.
  await takeMarks();
  await expectRefused();
  setAppendonly(true);
  await stack.must('up');
  expect(await countKeys()).toBe(150);

  setAppendonly(false);
  await stack.must('up');
  await writeMany(50, 100);
  await stack.must('down');
  setAppendonly(true);
  await expectRefused();
  setAppendonly(false);
  await stack.must('up');
  expect(await countKeys()).toBe(300);
});

test('replicas that leave the YAML file are forgotten by the others', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  await writeKeys();
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0').replaceAll(/ {4}redis-[456]: .*\n/g, ''));
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_known_nodes:3');
  await expectKeys();
});

test('restart keeps every key, of one node and of all', async () => {
  stack = await makeStack();
  await stack.must('up');
  await writeKeys();
  await stack.must('restart', 'redis-2');
  await expectKeys();
  await stack.must('restart');
  await expectKeys();
  const unknown = await stack.run('restart', 'redis-9');
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('Its nodes are: redis-1, redis-2, redis-3');
});

test('the whole stack moves to another subnet: the node tables have old addresses, the data stays', async () => {
  stack = await makeStack();
  const other = await makeStack();
  try {
    await stack.must('up');
    await writeKeys();
    const [oldPrefix = '', newPrefix = ''] = [stack.subnet, other.subnet].map((subnet) => subnet.replace('.0/24', ''));
    stack.edit((yaml) => yaml.replaceAll(`${oldPrefix}.`, `${newPrefix}.`));
    await stack.must('up');
    await expectKeys();
    const table = await stack.redis(3, 'CLUSTER', 'NODES');
    expect(table).not.toContain(`${oldPrefix}.`);
    expect(table.match(new RegExp(`${newPrefix}\\.`, 'g'))).toHaveLength(3);
  } finally {
    await other.remove();
  }
});

test('the password file was lost: the running stack gives it back', async () => {
  stack = await makeStack();
  await stack.must('up');
  const { stdout: before } = await stack.must('env', '--reveal');
  const { rmSync } = await import('node:fs');
  rmSync(`${stack.folder}/state`, { recursive: true });
  // The authority was lost with it: the nodes get certificates of a new one.
  const { stderr } = await stack.must('up');
  expect(stderr.match(/certificate renewed/g)).toHaveLength(3);
  expect((await stack.must('env', '--reveal')).stdout).toBe(before);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('nodes that were started without a node table still become a cluster, the slow way', async () => {
  stack = await makeStack();
  await stack.must('up');
  // What `docker rm` and an empty volume leave: nodes that know only themselves.
  for (const node of [1, 2, 3]) await stack.redis(node, 'CLUSTER', 'RESET', 'HARD');
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384');
  await writeKeys();
  await expectKeys();
});
