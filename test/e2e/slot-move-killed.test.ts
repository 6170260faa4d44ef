/** A move of slots that dies at any step, or whose nodes die, is finished by `cluster fix` and by the same command again. */
import type { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { NodeLink, type RedisCommand } from '../../src/redis/node-link.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { executeMoves } from '../../src/stack/execute/move-slots.ts';
import { clientsOf } from '../helpers/key-values.ts';
import { runKilledAfter } from '../helpers/killed.ts';
import {
  bringHome,
  findDamage,
  findSlotTrouble,
  keysBelow,
  makeRoomyStack,
  readStored,
  sendAll,
  viewsOf,
  type StoredKey,
} from '../helpers/moving-keys.ts';
import { dockerOf, type TestStack } from '../helpers/test-stack.ts';
import { isThorough } from '../helpers/reliability-record.ts';

const SLOT_COUNT = 300;
const KEYS = keysBelow(SLOT_COUNT, 5);
const RESHARD = ['cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', String(SLOT_COUNT)];

let stack: TestStack;
let nodes: Redis[];
let before: ReadonlyMap<string, StoredKey>;
beforeAll(async () => {
  stack = await makeRoomyStack();
  nodes = clientsOf(stack);
  // Their connections are lost with the nodes, and made again.
  for (const node of nodes) node.on('error', () => undefined);
});
afterAll(async () => {
  for (const node of nodes) node.disconnect();
  await stack.remove();
});

beforeEach(async () => {
  await bringHome(stack);
});

/** Whatever happened: no slot is open, each has one owner, and every key is on one node with its value and its time. */
async function expectUnharmed(): Promise<void> {
  expect(await findSlotTrouble(stack)).toEqual([]);
  const { exitCode, stdout, stderr } = await stack.run('cluster', 'check');
  expect(exitCode, `${stdout}${stderr}`).toBe(0);
  expect(findDamage(before, await readStored(nodes))).toEqual([]);
}

async function write(valueOf: (key: string) => string): Promise<void> {
  await bringHome(stack);
  await Promise.all(nodes.map((node) => node.flushall()));
  const [home] = nodes;
  if (home === undefined) throw new Error('no nodes');
  await sendAll(
    home,
    KEYS.map((key, index): RedisCommand => {
      if (index % 3 === 0) return ['SET', key, valueOf(key), 'EX', 3600 + index];
      if (index % 3 === 1) return ['RPUSH', key, valueOf(key), 'second', 'third'];
      return ['HSET', key, 'field', valueOf(key), 'other', index];
    }),
  );
  before = await readStored(nodes);
  expect(before.size).toBe(KEYS.length);
}

describe('a mover that is killed', () => {
  beforeAll(() => write((key) => `value of ${key}`));

  /** Far more than a move has. */
  const MOST_STEPS = 60;

  test('right after any of its steps leaves nothing that cluster fix, or the same command, does not finish', async () => {
    let step = 1;
    const stride = isThorough ? 1 : 3;
    for (; step < MOST_STEPS && (await runKilledAfter(stack, 'reshard', step)) === 'SIGKILL'; step += stride) {
      await stack.must(...(step % 2 === 1 ? ['cluster', 'fix'] : RESHARD));
      await expectUnharmed();
      await bringHome(stack);
    }
    process.stderr.write(`killed up to step ${step - stride}\n`);
    // Two batches of slots are opened on two sides, emptied, and handed over on three.
    expect(step - stride).toBeGreaterThanOrEqual(2 * (2 + 1 + 3));
    await expectUnharmed();
  }, 600_000);
});

describe('a node that is killed while slots move', () => {
  // Large enough for the move to take longer than the engine takes to kill.
  beforeEach(async () => {
    // A write that was answered is on disk: nothing may be lost when a node is killed.
    await Promise.all(nodes.map((node) => node.config('SET', 'appendfsync', 'always')));
    await write((key) => `value of ${key} `.repeat(1000));
  });
  afterEach(() => vi.restoreAllMocks());

  test.each([
    { victim: 1, role: 'source', pipeline: 2, code: /^NODE_DISCONNECTED$/ },
    { victim: 1, role: 'source', pipeline: 5, code: /^NODE_DISCONNECTED$/ },
    // The source's MIGRATE is refused, or the target no longer answers: whichever comes first.
    { victim: 2, role: 'target', pipeline: 3, code: /^(REDIS_REFUSED|NODE_DISCONNECTED)$/ },
  ])('as the $role, when keys went for the time no. $pipeline: up and cluster fix lose nothing', async (killing) => {
    const { victim, pipeline, code } = killing;
    const container = dockerOf(stack.engine).getContainer(stack.container(victim));
    let migrations = 0;
    let kill: Promise<unknown> | undefined;
    // eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
    const { sendAll: original } = NodeLink.prototype;
    vi.spyOn(NodeLink.prototype, 'sendAll').mockImplementation(async function (this: NodeLink, commands) {
      if (commands.some(([name]) => name === 'MIGRATE')) {
        migrations += 1;
        if (migrations === pipeline) kill = container.kill();
      }
      // Keys go on until it is dead; only the end of the move waits for it.
      else if (commands.some((command) => command[3] === 'NODE')) await kill;
      return original.call(this, commands);
    });
    const slots = Array.from({ length: SLOT_COUNT }, (_, index) => index);
    const session = await stack.session();
    const moves = [{ from: 'redis-1', to: 'redis-2', slots }];
    const outcome = await withNodes(session, (links) => executeMoves(session, links, moves)).catch(
      (error: unknown) => error,
    );
    vi.restoreAllMocks();
    await kill;
    expect(outcome).toMatchObject({ code: expect.stringMatching(code) as string });

    const survivors = await viewsOf(stack);
    expect(survivors.length).toBe(2);
    expect(survivors.flatMap(({ table }) => table.myself.openSlots)).not.toEqual([]);

    await stack.must('up');
    await stack.must('cluster', 'fix');
    await expectUnharmed();
  });
});
