/** The reference document's own commands, on one running stack. Where it names slots, Redis's are right: see docs/decisions.md. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStack, runMain, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
});
afterAll(() => stack.remove());

describe('cluster operations', () => {
  test('CLUSTER SLOTS, CLUSTER NODES and ROLE', async () => {
    expect(await stack.redis(1, 'CLUSTER', 'SLOTS')).toContain(stack.ips[0]);
    const nodes = await stack.redis(1, 'CLUSTER', 'NODES');
    expect(nodes).toMatch(
      new RegExp(`[0-9a-f]{40} ${stack.ips[0] ?? ''}:6379@16379\\S* myself,master - 0 \\d+ \\d+ connected 0-5460`),
    );
    expect(nodes).toMatch(
      new RegExp(`${stack.ips[2] ?? ''}:6379@16379\\S* master - \\d+ \\d+ \\d+ connected 10923-16383`),
    );
    expect(await stack.redis(1, 'ROLE')).toMatch(/^master/);
  });

  test('redis-cli --cluster info and check, from inside the network', async () => {
    const info = await stack.must('redis-cli', 'redis-1', '--', '--cluster', 'check', `${stack.ips[0] ?? ''}:6379`);
    expect(info.stdout).toContain('[OK] All 16384 slots covered.');
    expect(info.stdout).toContain('[OK] All nodes agree about slots configuration.');
  });

  test('redis-cli --cluster reshard moves slots and keys', async () => {
    const [from, to] = [await stack.redis(3, 'CLUSTER', 'MYID'), await stack.redis(1, 'CLUSTER', 'MYID')];
    await stack.redis(1, 'SET', 'user:3000', 'kept');
    const address = `${stack.ips[0] ?? ''}:6379`;
    const move = (source: string, target: string): Promise<string> =>
      stack.redis(
        1,
        '--cluster',
        'reshard',
        address,
        '--cluster-from',
        source,
        '--cluster-to',
        target,
        '--cluster-slots',
        '200',
        '--cluster-yes',
      );
    await move(from, to);
    expect(await stack.redis(2, 'CLUSTER', 'COUNTKEYSINSLOT', '11033')).toBe('0');
    expect(await stack.redis(1, 'GET', 'user:3000')).toBe('kept');
    await stack.must('up');
  });
});

describe('data sharding', () => {
  test.each([
    ['user:1000', '1649'],
    ['user:2000', '7597'],
    ['user:3000', '11033'],
    ['user:{1000}:name', '11326'],
  ])('%s is in slot %s', async (key, slot) => {
    expect(await stack.redis(1, 'CLUSTER', 'KEYSLOT', key)).toBe(slot);
  });

  test('CRUD from any node: redirects are followed', async () => {
    for (const node of [1, 2, 3]) {
      expect(await stack.redis(node, 'SET', 'user:1000', 'John Doe')).toBe('OK');
      expect(await stack.redis(node, 'GET', 'user:1000')).toBe('John Doe');
      expect(await stack.redis(node, 'DEL', 'user:1000')).toBe('1');
      expect(await stack.redis(node, 'EXISTS', 'user:1000')).toBe('0');
      expect(await stack.redis(node, 'SETEX', 'user:1000', '3600', 'data')).toBe('OK');
    }
  });

  test('keys with one hash tag can be used together, others give CROSSSLOT', async () => {
    const tagged = ['user:{1000}:name', 'John', 'user:{1000}:email', 'john@example.com', 'user:{1000}:age', '30'];
    expect(await stack.redis(1, 'MSET', ...tagged)).toBe('OK');
    expect(await stack.redis(2, 'MGET', 'user:{1000}:name', 'user:{1000}:email', 'user:{1000}:age')).toBe(
      'John\njohn@example.com\n30',
    );
    expect((await stack.run('redis-cli', '--', 'MGET', 'user:1000', 'user:2000')).stdout).toContain('CROSSSLOT');
  });
});

describe('a clever redis-cli', () => {
  test('arguments reach it as they are', async () => {
    const value = `a "quoted" $HOME \\ 'value' with spaces and ünïcode`;
    await stack.redis(1, 'SET', 'odd key', value);
    expect(await stack.redis(2, 'GET', 'odd key')).toBe(value);
  });

  test('is reached without --, too; the first word is a node only where there is one', async () => {
    const typed = (...words: string[]): Promise<Outcome> => stack.run('redis-cli', ...words);
    await stack.redis(1, 'SET', 'user:1000', 'John Doe');
    expect((await typed('GET', 'user:1000')).stdout).toBe('John Doe\n');
    expect((await typed('-n', '0', 'GET', 'user:1000')).stdout).toBe('John Doe\n');
    const ids = [await stack.redis(2, 'CLUSTER', 'MYID'), await stack.redis(1, 'CLUSTER', 'MYID')];
    expect((await typed('redis-2', 'CLUSTER', 'MYID')).stdout.trim()).toBe(ids[0]);
    expect((await typed('CLUSTER', 'MYID')).stdout.trim()).toBe(ids[1]);
    for (const words of [['redis-9', 'PING'], ['redis-9'], ['second', '--', 'PING']]) {
      const wrong = await typed(...words);
      expect(wrong).toMatchObject({ exitCode: 2, stdout: '' });
      expect(wrong.stderr).toContain(`there is no node '${words[0] ?? ''}'`);
    }
    const misplaced = await runMain(['redis-cli', 'DEL', 'user:1000', '-f', stack.file], stack.env);
    expect(misplaced.stderr).toContain('-f stands behind the first word for redis-cli');
    expect(await stack.redis(3, 'GET', 'user:1000')).toBe('John Doe');
  });

  test('its exit code is ours', async () => {
    expect((await stack.run('redis-cli', '--', '-e', 'NO-SUCH-COMMAND')).exitCode).toBe(1);
  });
});

test('nodes reach each other by name and address', async () => {
  expect(await stack.redis(1, '-h', 'redis-2', 'PING')).toBe('PONG');
  expect(await stack.redis(1, '-h', stack.ips[2] ?? '', 'PING')).toBe('PONG');
});

test('logs of one node, of all, and as JSON', async () => {
  expect((await stack.must('logs', 'redis-1', '--tail', 'all')).stdout).toContain('Ready to accept connections');
  const all = (await stack.must('logs', '--tail', '2')).stdout.trim().split('\n');
  expect(all).toHaveLength(6);
  expect(all.every((line) => /^redis-[123] \| /.test(line))).toBe(true);
  const [first = ''] = (await stack.must('logs', 'redis-3', '--json')).stdout.split('\n');
  expect(JSON.parse(first)).toMatchObject({ node: 'redis-3' });
});
