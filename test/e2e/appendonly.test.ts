/** Another `persistence.appendonly`: Redis reads only one of its two files, and it has to be the one with all keys. */
import { afterEach, expect, test } from 'vitest';
import { REDIS_CONF_FILE } from '../../src/plan/node/redis-config.ts';
import { appendonlyMark } from '../../src/stack/observe/data-folder.ts';
import { stopIntoDump } from '../../src/stack/execute/engine-actions.ts';
import { emptyFiles } from '../../src/redis/persistence.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
afterEach(() => stack.remove());

/** A key of each has its slot in another of the three nodes. */
const TAGS = ['user:1000', 'user:2000', 'user:3000'];

/** Writes keys of all three nodes: `from` up to, and without, `to`. */
async function writeMany(from: number, to: number): Promise<void> {
  for (const tag of TAGS) {
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

  // Files are only ever emptied where the memory is empty.
  const session = await stack.session();
  await withNodes(session, (nodes) => Promise.all(nodes.all.map((link) => emptyFiles(link, session))));
  expect(await countKeys()).toBe(450);
});

test('the append-only file is switched off while no node runs: they are started for it', async () => {
  stack = await makeStack({ redis: WITH_LOG });
  await stack.must('up');
  await writeMany(0, 100);
  // The first one is killed while it writes its dump, because that takes too long.
  const kill = (name: string): Promise<void> => dockerOf(stack.engine).getContainer(name).kill();
  const killing = { ...(await stack.session()), engine: { ...stack.engine, stopContainer: kill } };
  await expect(stopIntoDump(killing, stack.container(1))).rejects.toMatchObject({ code: 'DATA_AT_RISK' });
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

test('a node that is killed reads a dump of before its slots moved: what the new owner has stays as it is', async () => {
  stack = await makeStack({ redis: WITHOUT_LOG });
  await stack.must('up');
  await stack.redis(1, 'MSET', '{user:1000}:same', '1', '{user:1000}:changed', '1', '{user:1000}:deleted', '1');
  await stack.redis(1, 'SAVE');
  await stack.must('cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', '2000');
  await stack.redis(2, 'SET', '{user:1000}:changed', '2');
  await stack.redis(2, 'DEL', '{user:1000}:deleted');
  await killNodes(1);
  const { stderr } = await stack.must('up');
  expect(stderr).toContain('redis-1 read old keys from disk at the start');
  expect(await stack.redis(1, 'CLUSTER', 'COUNTKEYSINSLOT', '1649')).toBe('0');
  expect(await stack.redis(2, 'MGET', '{user:1000}:same', '{user:1000}:changed')).toBe('1\n2');
  // Redis can't tell it from one that only this file has: no key is given up without a question.
  expect(await stack.redis(2, 'GET', '{user:1000}:deleted')).toBe('1');
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});
