import { containerName } from '../../src/plan/model/names.ts';
import { up } from '../../src/stack/commands/up.ts';
import { waitForAnswers } from './support/answers.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import { clusterCommand, formWithRedisCli } from './support/peers.ts';
import type { Row, Target } from './support/rows.ts';
import { clearStack, openSession, prepareStack, type BenchStack } from './support/stacks.ts';

interface Size {
  readonly primaryCount: number;
  readonly replicas: number;
  readonly target?: Target;
}

const SIZES: readonly Size[] = [
  { primaryCount: 3, replicas: 0 },
  { primaryCount: 3, replicas: 1 },
  { primaryCount: 12, replicas: 0 },
  { primaryCount: 30, replicas: 0, target: { type: 'at most', ms: 500 } },
];

/** redis-cli needs most of a second a node: past this only with `--slow`. */
const MOST_NODES_FOR_REDIS_CLI = 6;

/** How long nodes that answer need to become a verified cluster. */
export async function benchForm(bench: Bench): Promise<Row[]> {
  const rows: Row[] = [];
  for (const size of SIZES) rows.push(...(await benchSize(bench, size)));
  return rows;
}

async function benchSize(bench: Bench, { primaryCount, replicas, target }: Size): Promise<Row[]> {
  const nodeCount = primaryCount * (replicas + 1);
  const name = `bench-form-${nodeCount}`;
  const shape = { nodeCount, replicas, memory: 'little' } as const;
  const stack = await prepareStack(bench, name, shape);
  const plain = await prepareStack(bench, `${name}-plain`, { ...shape, hasPlainBus: true });
  const then =
    (work: () => Promise<number>, { spec } = stack): Run =>
    async () => {
      const ms = await work();
      await clearStack(bench.engine, spec.name);
      return ms;
    };
  const title = `form ${primaryCount} + ${primaryCount * replicas}`;
  const ours = then(() => formationMs(bench, stack));
  const plainBus = then(() => formationMs(bench, plain), plain);
  const row = { part: 'form', ...(target === undefined ? {} : { target }) };
  const members = replicas === 0 ? `${primaryCount} primaries` : `${primaryCount} + ${primaryCount * replicas}`;
  const busRow = (times: Readonly<Record<'ours' | 'plainBus', readonly number[]>>): Row => ({
    part: 'form',
    what: `${members}, by the same with a plain bus`,
    ours: times.ours,
    other: times.plainBus,
  });
  if (nodeCount > MOST_NODES_FOR_REDIS_CLI && !bench.slow) {
    const times = await sideBySide(bench, title, { ours, plainBus });
    return [{ ...row, what: members, ours: times.ours, other: [] }, busRow(times)];
  }
  const redisCli = then(async () => {
    await startAlone(bench, stack, clusterCommand(stack.spec));
    return timed(() => formWithRedisCli(bench, stack));
  });
  const times = await sideBySide(bench, title, { ours, plainBus, redisCli });
  const what = `${members}, by redis-cli --cluster create`;
  return [{ ...row, what, ours: times.ours, other: times.redisCli }, busRow(times)];
}

/** `up` itself, watched from outside: from the last node's first answer to the event that the cluster is whole. */
async function formationMs(bench: Bench, stack: BenchStack): Promise<number> {
  const { engine, signal } = bench;
  const answered: Promise<number>[] = [];
  let wholeAt = Number.NaN;
  const session = await openSession(bench, stack, ({ subject, state }) => {
    if (subject === 'cluster' && state === 'done') wholeAt = performance.now();
  });
  const startContainer = async (name: string): Promise<void> => {
    await engine.startContainer(name);
    const node = stack.spec.nodes.find((one) => containerName(stack.spec.name, one.name) === name);
    const ports = node === undefined ? [] : [node.ports.plain];
    answered.push(waitForAnswers(ports, signal).then(() => performance.now()));
  };
  await up({ ...session, engine: { ...engine, startContainer } });
  return wholeAt - Math.max(...(await Promise.all(answered)));
}
