import { countSlots, SLOT_COUNT } from '../../src/cluster/slots/slots.ts';
import { containerName } from '../../src/plan/model/names.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { executeMoves } from '../../src/stack/execute/move-slots.ts';
import { rebalance } from '../../src/stack/commands/cluster/rebalance.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { up } from '../../src/stack/commands/up.ts';
import { waitUntilHealthy } from './check.ts';
import { canRun } from './support/command.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { runClusterManager } from './support/redis-cli.ts';
import type { Row } from './support/rows.ts';
import { fillSlots, sumOfKeys, viewsOf, waitForOwners } from './support/slots.ts';
import { clearStack, openSession, prepareStack, type BenchStack } from './support/stacks.ts';

/** What redis-1 of three owns at first. */
const SLOTS = Array.from({ length: 5461 }, (_, slot) => slot);
/** redis-cli runs beside a node that is in no move, so that it takes no processor time from those that are. */
const BYSTANDER = 'redis-2';

/** Of valkey-cli 9.1: the server moves the slots. The newest redis-cli needs no option for it (redis/redis#15338), 8.6 can't. */
const ATOMIC = '--cluster-use-atomic-slot-migration';
/** How many times faster ours is to be, where slots go one by one. */
const TOOLS = [
  { options: [], factor: 5 },
  { options: ['--cluster-pipeline', '100'], factor: 3 },
  { options: [ATOMIC], factor: 1 },
] satisfies { options: string[]; factor: number }[];

/** redis-cli takes over ten seconds each time, and varies little. */
const MOST_ROUNDS = 2;

interface Size {
  readonly keyCount: number;
  /** Minutes. */
  readonly isSlow: boolean;
}

const SIZES: readonly Size[] = [
  { keyCount: 0, isSlow: false },
  { keyCount: 100_000, isSlow: false },
  { keyCount: 1_000_000, isSlow: true },
];

/** Slots with their keys from one node to another, and from three nodes to six. */
export async function benchReshard(bench: Bench): Promise<Row[]> {
  return [...(await benchMoves(bench)), await benchRebalance(bench)];
}

/** Each contender moves the same slots, on the same nodes, from wherever the one before has left them. */
async function benchMoves(bench: Bench): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-reshard', { nodeCount: 3, replicas: 0, memory: 'much' });
  const session = await openSession(bench, stack);
  await up(session);
  await waitUntilHealthy(bench, session);
  // Its help doesn't name all options.
  const program = ['docker', 'exec', containerName(stack.spec.name, BYSTANDER), `${bench.server}-cli`] as const;
  const hasAtomic = await canRun(bench, [...program, ATOMIC, '--version']);
  const tools = TOOLS.filter(({ options }) => hasAtomic || !options.includes(ATOMIC));
  const rows: Row[] = [];
  let [from, to] = ['redis-1', 'redis-3'];
  let first = 0;
  for (const { keyCount, isSlow } of SIZES.filter((size) => bench.slow || !size.isSlow)) {
    await fillSlots(session, SLOTS, { first, end: keyCount });
    first = keyCount;
    const moving =
      (move: () => Promise<unknown>): Run =>
      async () => {
        const ms = await timed(move);
        await waitUntilMoved(session, to, keyCount);
        [from, to] = [to, from];
        return ms;
      };
    const ways = new Map<string, string>();
    const byTool = (options: readonly string[]): Run =>
      moving(async () => {
        const said = await reshard(bench, stack, session, { from, to }, ...options);
        ways.set(toolText(bench, options), /Moving slot \d+ from \S+:\d+/.test(said) ? 'slot by slot' : 'atomically');
      });
    const times: Readonly<Record<string, number[]>> = await sideBySide(
      bench,
      `reshard ${keyCount} keys`,
      {
        ours: moving(() => withNodes(session, (nodes) => executeMoves(session, nodes, [{ from, to, slots: SLOTS }]))),
        ...Object.fromEntries(tools.map(({ options }) => [toolText(bench, options), byTool(options)])),
      },
      { counted: isSlow ? 1 : Math.min(bench.rounds, MOST_ROUNDS), warmUp: false },
    );
    for (const { options, factor } of tools) {
      const tool = toolText(bench, options);
      const way = ways.get(tool) ?? '';
      rows.push({
        part: 'reshard',
        what: `${SLOTS.length} slots with ${keyCount} keys, by ${tool}, ${way}`,
        ours: times['ours'] ?? [],
        other: times[tool] ?? [],
        ...(way === 'slot by slot' && { target: { type: 'times faster', factor } }),
      });
    }
  }
  await clearStack(bench.engine, stack.spec.name);
  return rows;
}

function toolText({ server }: Bench, options: readonly string[]): string {
  return [`${server}-cli`, ...options].join(' ');
}

/** It takes the lowest slots of the source: those that hold the keys. */
async function reshard(
  bench: Bench,
  stack: BenchStack,
  session: Session,
  { from, to }: { readonly from: string; readonly to: string },
  ...options: readonly string[]
): Promise<string> {
  const views = await viewsOf(session);
  const id = (node: string): string => views.find(({ name }) => name === node)?.table.myself.id ?? '';
  const route = ['--cluster-from', id(from), '--cluster-to', id(to), '--cluster-slots', String(SLOTS.length)];
  return runClusterManager(bench, stack, BYSTANDER, ['reshard', ...route, '--cluster-yes', ...options]);
}

/** All of the slots, and no key lost or left behind. */
function waitUntilMoved(session: Session, to: string, keyCount: number): Promise<void> {
  return waitForOwners(session, (views) => {
    const target = views.find(({ name }) => name === to);
    const [range] = target?.table.myself.slots ?? [];
    const hasSlots = range?.start === 0 && range.end >= SLOTS.length - 1;
    return hasSlots && target?.keyCount === keyCount && sumOfKeys(views) === keyCount;
  });
}

const PRIMARIES = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5', 'redis-6'];
const NEWCOMERS = PRIMARIES.slice(3);
const KEY_COUNT = 100_000;
/** redis-cli's own. */
const THRESHOLD_PERCENT = 2;

async function benchRebalance(bench: Bench): Promise<Row> {
  const shape = { nodeCount: PRIMARIES.length, replicas: 0, memory: 'much' } as const;
  const stack = await prepareStack(bench, 'bench-rebalance', shape);
  const session = await openSession(bench, stack);
  await up(session);
  const allSlots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot);
  await fillSlots(session, allSlots, { first: 0, end: KEY_COUNT });
  const options = { thresholdPercent: THRESHOLD_PERCENT, useEmptyPrimaries: true, simulate: false };
  const fromThree =
    (spread: () => Promise<unknown>): Run =>
    async () => {
      await rebalance(session, { ...options, weights: NEWCOMERS.map((name) => [name, 0] as const) });
      const ms = await timed(spread);
      const share = allSlots.length / PRIMARIES.length;
      await waitForOwners(
        session,
        (views) =>
          sumOfKeys(views) === KEY_COUNT &&
          views.every(({ table }) => Math.abs(countSlots(table.myself.slots) / share - 1) * 100 <= THRESHOLD_PERCENT),
      );
      return ms;
    };
  const times = await sideBySide(
    bench,
    `rebalance ${KEY_COUNT} keys`,
    {
      ours: fromThree(() => rebalance(session, { ...options, weights: [] })),
      redisCli: fromThree(() =>
        runClusterManager(bench, stack, BYSTANDER, ['rebalance', '--cluster-use-empty-masters']),
      ),
    },
    { counted: Math.min(bench.rounds, MOST_ROUNDS), warmUp: false },
  );
  await clearStack(bench.engine, stack.spec.name);
  return {
    part: 'reshard',
    what: `from 3 to 6 primaries with ${KEY_COUNT} keys, by ${bench.server}-cli --cluster rebalance`,
    ours: times.ours,
    other: times.redisCli,
  };
}
