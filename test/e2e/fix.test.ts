/** Damage of every kind, made by hand on a real cluster, found by `cluster check` and mended by `cluster fix`. */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { linkNodes } from '../../src/stack/connect/with-nodes.ts';
import type { NodeLink, RedisCommand } from '../../src/redis/node-link.ts';
import { at } from '../helpers/builders.ts';
import { makeStack, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
/** To each node, beside what the program opens itself. */
let links: readonly NodeLink[];
/** Node (from 1) → its id. */
let ids: string[];

const NODES = [1, 2, 3];
/** A slot of redis-1, and keys of it. */
const TAG = '{user:1000}';
const SLOT = keySlot(Buffer.from(TAG));
const KEYS = ['a', 'b', 'c', 'd'].map((name) => `${TAG}:${name}`);

beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
  // Until the nodes have told each other their epochs.
  await stack.must('cluster', 'check');
  const session = await stack.session();
  links = await linkNodes(session);
  ids = ['', ...(await Promise.all(NODES.map((node) => send(node, 'CLUSTER', 'MYID'))))];
});
afterAll(async () => {
  for (const link of links) link.close();
  await stack.remove();
});

beforeEach(async () => {
  for (const key of KEYS) await send(1, 'SET', key, `value of ${key}`);
});

async function send(node: number, ...command: RedisCommand): Promise<string> {
  return String(await at(links, node - 1).send(...command));
}

const setSlot = (node: number, ...state: string[]): Promise<string> => send(node, 'CLUSTER', 'SETSLOT', SLOT, ...state);

const id = (node: number): string => ids[node] ?? '';

/** Moves keys of the slot by hand, where it is open. */
async function migrate(from: number, to: number, keys: readonly string[]): Promise<void> {
  const password = (await at(links, to - 1).takenPassword()).reveal();
  const target = [stack.ips[to - 1] ?? '', '6380', '', 0, 5000] as const;
  expect(await send(from, 'MIGRATE', ...target, 'AUTH', password, 'KEYS', ...keys)).toBe('OK');
}

/** SET on a node that imports the slot. */
async function setAsking(node: number, key: string, value: string): Promise<void> {
  const replies = await at(links, node - 1).sendAll([['ASKING'], ['SET', key, value]]);
  expect(replies.map(String)).toEqual(['OK', 'OK']);
}

async function findings(): Promise<string> {
  const { exitCode, stdout } = await stack.run('cluster', 'check');
  expect(exitCode).toBe(1);
  expect(stdout).toContain('→ npx tsx manage.ts cluster fix');
  return stdout;
}

/** Everything is as it should be: checked by the program, by every node's own table, and by the keys. */
async function expectWhole(owner: number): Promise<void> {
  expect(await stack.run('cluster', 'check')).toMatchObject({ exitCode: 0 });
  for (const node of NODES) {
    const table = await send(node, 'CLUSTER', 'NODES');
    expect(table).not.toContain('[');
    const owners = table.split('\n').filter((line) => ownsSlot(line));
    expect(owners.map((line) => line.slice(0, 40))).toEqual([id(owner)]);
    expect(await send(node, 'CLUSTER', 'COUNTKEYSINSLOT', SLOT)).toBe(node === owner ? '4' : '0');
  }
  for (const key of KEYS) expect(await send(owner, 'GET', key)).toBe(`value of ${key}`);
}

function ownsSlot(line: string): boolean {
  return line
    .split(' ')
    .slice(8)
    .map((range) => range.split('-').map(Number))
    .some(([start = Number.NaN, end = start]) => start <= SLOT && SLOT <= end);
}

/** Every command that reached the nodes is counted by them: none of those that change anything. */
async function expectNothingToMend(): Promise<void> {
  await Promise.all(NODES.map((node) => send(node, 'CONFIG', 'RESETSTAT')));
  expect((await stack.must('cluster', 'fix')).stdout).toBe(`✓ ${stack.name}: nothing to repair\n`);
  const sent = await Promise.all(NODES.map((node) => send(node, 'INFO', 'commandstats')));
  const names = sent.flatMap((info) => [...info.matchAll(/^cmdstat_([^:]+)/gm)].map(([, name]) => name));
  expect(
    names.filter((name) => /setslot|meet|forget|slots|epoch|failover|replicate|migrate|del/.test(name ?? '')),
  ).toEqual([]);
}

async function fix(...more: string[]): Promise<Outcome> {
  return stack.must('cluster', 'fix', ...more);
}

/** So that the next story begins with the slot on redis-1 again. */
async function bringBack(from: number): Promise<void> {
  await setSlot(1, 'IMPORTING', id(from));
  await setSlot(from, 'MIGRATING', id(1));
  await migrate(from, 1, KEYS);
  for (const node of [1, from, 5 - from]) await setSlot(node, 'NODE', id(1));
}

test('a whole cluster: no findings, and nothing is sent', async () => {
  const { stdout } = await stack.must('cluster', 'check');
  expect(stdout).toMatch(/redis-1 +primary +5461 +4 +[\d.]+ MiB +2\/2/);
  expect(stdout).toContain('✓');
  expect(stdout).toContain('no findings');
  const json = JSON.parse((await stack.must('cluster', 'check', '--json')).stdout) as Record<string, unknown>;
  expect(json).toMatchObject({ stack: stack.name, ok: true, findings: [] });
  await expectNothingToMend();
});

describe('a half-moved slot', () => {
  test('open on both sides, with keys on both, is moved on', async () => {
    await setSlot(2, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(2));
    await migrate(1, 2, KEYS.slice(0, 2));
    expect(await findings()).toContain(`slot ${SLOT} is half moved from redis-1 to redis-2`);
    const simulated = await stack.must('cluster', 'fix', '--simulate');
    expect(simulated.stdout).toBe(
      `~ move slot ${SLOT} to redis-2, with 2 keys from redis-1  (half moved from redis-1 to redis-2)\n`,
    );
    await findings();
    const { stdout } = await fix();
    expect(stdout).toContain(simulated.stdout);
    expect(stdout).toContain('repaired; 2 keys were moved');
    await expectWhole(2);
    await expectNothingToMend();
    await bringBack(2);
  });

  test('open on the importing side only goes back to its owner', async () => {
    await setSlot(2, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(2));
    await migrate(1, 2, KEYS.slice(0, 3));
    await setSlot(1, 'STABLE');
    expect(await findings()).toContain(`slot ${SLOT} is importing on redis-2 from redis-1 only`);
    expect((await fix()).stdout).toContain(`~ settle slot ${SLOT} on redis-1, with 3 keys from redis-2`);
    await expectWhole(1);
  });

  test('open on the migrating side only, with keys on the other, goes back to its owner', async () => {
    await setSlot(2, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(2));
    await migrate(1, 2, KEYS.slice(0, 3));
    await setSlot(2, 'STABLE');
    expect(await findings()).toContain(`slot ${SLOT} is migrating on redis-1 to redis-2 only`);
    await fix();
    await expectWhole(1);
  });

  test('agreed nowhere: it leaves for one node, and another imports it', async () => {
    await setSlot(2, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(2));
    await migrate(1, 2, KEYS.slice(0, 1));
    await setSlot(2, 'STABLE');
    await setSlot(3, 'IMPORTING', id(2));
    await send(3, 'CLUSTER', 'SETSLOT', SLOT + 1, 'IMPORTING', id(1));
    const text = await findings();
    expect(text).toContain(`slot ${SLOT} is migrating on redis-1 to redis-2 and importing on redis-3 from redis-2`);
    expect(text).toContain(`slot ${SLOT + 1} is importing on redis-3 from redis-1 only`);
    await fix();
    await expectWhole(1);
    await expectNothingToMend();
  });

  test('handed over to its new owner only, when the mover died', async () => {
    await setSlot(2, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(2));
    await migrate(1, 2, KEYS);
    await setSlot(2, 'NODE', id(2));
    await send(1, 'CLUSTER', 'SETSLOT', SLOT + 1, 'MIGRATING', id(3));
    expect((await fix()).stdout).toContain(
      `~ settle slot ${SLOT + 1} on redis-1  (migrating on redis-1 to redis-3 only)`,
    );
    await expectWhole(2);
    await bringBack(2);
  });

  test('with one key on both sides and other values: asks, and without a yes leaves both', async () => {
    const [different = '', same = ''] = KEYS;
    await setSlot(2, 'IMPORTING', id(1));
    for (const key of [different, same]) {
      await setSlot(1, 'MIGRATING', id(2));
      await migrate(1, 2, [key]);
      await setSlot(1, 'STABLE');
      await send(1, 'SET', key, `value of ${key}`);
    }
    await setAsking(2, different, 'another value');

    const refused = await stack.run('cluster', 'fix');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('CONFIRMATION_NEEDED');
    expect(refused.stderr).toContain(`1 key is on redis-1 and, with another value, on redis-2 (${different})`);
    expect(await send(1, 'GET', different)).toBe(`value of ${different}`);
    expect(await send(2, 'CLUSTER', 'GETKEYSINSLOT', SLOT, 9)).toBe(different);

    await fix('--yes');
    await expectWhole(1);
    await expectNothingToMend();
  });
});

describe('a slot that nobody owns', () => {
  test('goes to the node that has its keys', async () => {
    await setSlot(3, 'IMPORTING', id(1));
    await setSlot(1, 'MIGRATING', id(3));
    await migrate(1, 3, KEYS.slice(0, 3));
    await Promise.all(NODES.map((node) => send(node, 'CLUSTER', 'DELSLOTS', SLOT)));
    expect(await findings()).toContain(`slot ${SLOT} has no owner`);
    expect((await fix()).stdout).toContain(`~ give slot ${SLOT} to redis-3, with 1 key from redis-1`);
    await expectWhole(3);
    await bringBack(3);
  });

  test('without keys goes to its neighbours', async () => {
    const slots = ['5458', '5459', '5460'];
    await Promise.all(NODES.map((node) => send(node, 'CLUSTER', 'DELSLOTS', ...slots)));
    expect(await findings()).toContain('slots 5458-5460 have no owner');
    await fix();
    await expectWhole(1);
    await expectNothingToMend();
  });

  test('is given back to its owner, who alone forgot it', async () => {
    await send(1, 'CLUSTER', 'DELSLOTS', SLOT);
    expect(await findings()).toContain(`slot ${SLOT} has no owner`);
    await fix();
    await expectWhole(1);
  });
});

test('two nodes claim a slot: the higher epoch has it, and its keys', async () => {
  await send(1, 'CLUSTER', 'BUMPEPOCH');
  await setSlot(2, 'NODE', id(2));
  // Gossip settles it sooner or later, too.
  expect((await fix()).stdout).toContain('✓');
  await expectWhole(1);
  await expectNothingToMend();
});

test('two nodes that were made to forget each other meet again', async () => {
  await Promise.all([send(2, 'CLUSTER', 'FORGET', id(3)), send(3, 'CLUSTER', 'FORGET', id(2))]);
  expect(await findings()).toContain('redis-2 does not know redis-3');
  expect((await fix()).stdout).toContain(
    '~ meet ' + (stack.ips[2] ?? '') + ":6380 from redis-2  (it doesn't know redis-3",
  );
  await expectWhole(1);
  await expectNothingToMend();
});

test('a node that lost its data: who took its place is given its slots', async () => {
  await send(2, 'SET', 'user:2000', 'there');
  await stack.engine.removeContainer(stack.container(1));
  expect((await stack.run('cluster', 'check')).stdout).toContain(
    `✗ redis-1 does not answer: its container is not there\n  → npx tsx manage.ts up -f ${stack.file}\n`,
  );
  // fix is no up: it starts nothing, and gives away nothing of a node that may come back.
  const tooEarly = await stack.run('cluster', 'fix', '--yes');
  expect(tooEarly.exitCode).toBe(1);
  expect(tooEarly.stdout).toBe('');
  expect(tooEarly.stderr).toContain('→ npx tsx manage.ts up');

  await stack.must('up');
  // As with an empty volume, but for up, which repairs that itself.
  await send(1, 'FLUSHALL');
  await send(1, 'CLUSTER', 'RESET', 'HARD');
  const ghost = /is no node of this stack, is known to .*redis-2 and redis-3 and owns slots 0-5460/;
  await vi.waitFor(async () => expect(await findings()).toMatch(ghost), { timeout: 60_000, interval: 200 });
  const { stdout } = await fix();
  expect(stdout).toContain('the keys of slots 0-5460 are lost, and the slots begin empty');
  expect(stdout).toContain('~ give slots 0-5460 to redis-1  (without an owner)');
  expect((await stack.must('cluster', 'slots')).stdout).toMatch(/0-5460 +5461 +redis-1/);
  expect((await stack.must('cluster', 'check')).stdout).toContain('no findings');
  expect(await stack.redis(1, 'GET', 'user:2000')).toBe('there');
  await expectNothingToMend();
});

test('a lost node that comes back at another address: plan marks what gives up keys, up leaves it to a person', async () => {
  await stack.engine.removeContainer(stack.container(1));
  await stack.engine.removeVolume(`${stack.container(1)}-data`);
  const [ip = ''] = stack.ips;
  stack.edit((yaml) => yaml.replace(`ip: ${ip},`, `ip: ${ip.replace(/\d+$/, '77')},`));
  await stack.run('up', '--timeout', '15');
  const plan = async (): Promise<string> => (await stack.run('plan')).stdout;
  const losing = /^! forget [\da-f]{8} on every node {2}\(.*the keys of slots 0-5460 are lost.*\)$/m;
  await vi.waitFor(async () => expect(await plan()).toMatch(losing), { timeout: 60_000, interval: 500 });
  expect(await plan()).toContain(`Lines with ! give up keys, and up refuses that. This asks first: npx tsx manage.ts`);
  const refused = await stack.run('up');
  expect(refused.stderr).toContain('CONFIRMATION_NEEDED');
  await fix('--yes');
  expect((await stack.must('cluster', 'check')).stdout).toContain('no findings');
});
