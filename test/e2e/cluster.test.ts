/** What the reference document's "Cluster Operations" show, as commands. */
import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { formatRange } from '../../src/cluster/slots/slots.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  // All links between them, too.
  await stack.must('cluster', 'wait');
  await stack.redis(1, '-c', 'SET', 'user:1000', 'John Doe');
});
afterAll(() => stack.remove());

test('info: what each node says', async () => {
  const { stdout } = await stack.must('cluster', 'info');
  const lines = stdout.trim().split('\n').slice(1);
  expect(lines).toHaveLength(6);
  for (const line of lines) expect(line).toMatch(/^redis-\d {2}ok +16384 +16384 +6 +3 /);
  const { nodes } = JSON.parse((await stack.must('cluster', 'info', '--json')).stdout) as { nodes: unknown[] };
  expect(nodes).toHaveLength(6);
});

test('nodes: roles, replicas, links and the ids that CLUSTER NODES gives', async () => {
  const { stdout } = await stack.must('cluster', 'nodes');
  const [, first = '', , , fourth = ''] = stdout.split('\n');
  expect(first).toMatch(/^redis-1 {2}primary +5461 +redis-4 +\d+ +[\d.]+ MiB +5\/5 /);
  expect(fourth).toMatch(/^redis-4 {2}replica of redis-1 +0 /);
  expect(first).toContain(await stack.redis(1, 'CLUSTER', 'MYID'));
  expect(stdout).not.toContain('also knows');
});

test('slots: every one of them, with its owner and replicas', async () => {
  const { stdout } = await stack.must('cluster', 'slots');
  expect(stdout.split('\n').slice(1, 4)).toEqual([
    expect.stringMatching(/^0-5460 +5461 +redis-1 +redis-4$/),
    expect.stringMatching(/^5461-10922 +5462 +redis-2 +redis-5$/),
    expect.stringMatching(/^10923-16383 +5461 +redis-3 +redis-6$/),
  ]);
  const { slots, assigned } = JSON.parse((await stack.must('cluster', 'slots', '--json')).stdout) as {
    assigned: number;
    slots: { start: number; end: number; owner: string }[];
  };
  expect(assigned).toBe(16_384);
  expect(slots.map((range) => `${formatRange(range)} ${range.owner}`)).toContain('0-5460 redis-1');
});

describe('keyslot', () => {
  test('where a key lives, and from where this host reaches it', async () => {
    const { stdout } = await stack.must('cluster', 'keyslot', 'user:1000', 'user:{1000}:name');
    expect(stdout).toMatch(/user:1000 +1649 +redis-1 +127\.0\.0\.1:\d+/);
    expect(stdout).toMatch(/user:\{1000\}:name +11326 +1000 +redis-3/);
    expect(stdout).toContain('CROSSSLOT');
    expect((await stack.must('cluster', 'keyslot', '{a}1', '{a}2')).stdout).toContain('They share a slot');
    const { exitCode, stderr } = await stack.run('cluster', 'keyslot', '--quoted-input', '"open');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('the quotes of "open don\'t fit');
  });

  test('equals CLUSTER KEYSLOT for any bytes', async () => {
    const password = JSON.parse((await stack.must('env', '--format', 'json', '--reveal')).stdout) as Record<
      string,
      string
    >;
    const client = new Redis({ port: stack.ports[0] ?? 0, password: password['REDIS_PASSWORD'] ?? '' });
    const braces = Buffer.from('{}');
    const keys = Array.from({ length: 20_000 }, (_, index) => {
      const bytes = randomBytes(index % 24);
      // Braces are what is special, and random bytes seldom hold them.
      for (let at = 0; at < bytes.length; at += 1) if ((bytes[at] ?? 0) % 5 === 0) bytes[at] = braces[at % 2] ?? 0;
      return bytes;
    });
    const replies = await Promise.all(keys.map((key) => client.call('CLUSTER', 'KEYSLOT', key)));
    client.disconnect();
    expect(keys.filter((key, index) => keySlot(key) !== replies[index])).toEqual([]);
  });
});

test('call: one command to every node, one table; a refusal is told, and the exit code is 1', async () => {
  const { stdout } = await stack.must('cluster', 'call', 'CONFIG', 'GET', 'maxmemory');
  expect(stdout.split('\n')[1]).toBe('redis-1  ["maxmemory","67108864"]');
  const refused = await stack.run('cluster', 'call', 'NO-SUCH-COMMAND');
  expect(refused.exitCode).toBe(1);
  expect(refused.stdout.match(/✗ redis-\d refused NO-SUCH-COMMAND/g)).toHaveLength(6);
  expect((await stack.run('cluster', 'call')).exitCode).toBe(2);
});

test('wait: returns when all is well, and else names the node that is in the way, and who misses it', async () => {
  expect((await stack.must('cluster', 'wait')).stdout).toContain(
    '6 nodes agree on 16,384 slots, a write and a read work',
  );
  await stack.engine.stopContainer(stack.container(6), 10);
  try {
    const { exitCode, stderr } = await stack.run('cluster', 'wait', '--timeout', '14');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('WAIT_TIMEOUT');
    expect(stderr).toContain('redis-6 does not answer: its container is exited');
    expect(stderr).toMatch(/redis-1: it sees redis-\d as .*fail/);
    // The others still say what they know.
    const { exitCode: infoCode, stdout } = await stack.run('cluster', 'info');
    expect(infoCode).toBe(1);
    expect(stdout).toContain('redis-6  its container is exited');
    // It has refused nothing.
    const called = await stack.run('cluster', 'call', 'PING');
    expect(called.exitCode).toBe(1);
    expect(called.stdout).toContain('redis-6 did not answer PING: ECONNREFUSED');
  } finally {
    await stack.must('up');
  }
  await stack.must('cluster', 'wait');
});
