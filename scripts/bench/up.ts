import { up } from '../../src/stack/commands/up.ts';
import { hasManage, runManageUp } from './support/command.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import type { Row } from './support/rows.ts';
import { clearStack, DEFAULT_SHAPE, openSession, prepareStack } from './support/stacks.ts';

/** From nothing to a verified cluster, against what the engine alone needs for the same containers. */
export async function benchUp(bench: Bench): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-up');
  const plain = await prepareStack(bench, 'bench-up-plain', { ...DEFAULT_SHAPE, hasPlainBus: true });
  const fromNothing =
    (work: () => Promise<unknown>, { spec } = stack): Run =>
    async () => {
      const ms = await timed(work);
      await clearStack(bench.engine, spec.name);
      return ms;
    };
  const inProcess = {
    engine: fromNothing(() => startAlone(bench, stack)),
    up: fromNothing(async () => up(await openSession(bench, stack))),
    plainBus: fromNothing(async () => up(await openSession(bench, plain)), plain),
  };
  const rows = (times: Readonly<Record<keyof typeof inProcess, readonly number[]>>): Row[] => [
    {
      part: 'up',
      what: 'in process, by the engine alone',
      ours: times.up,
      other: times.engine,
      target: { type: 'at most times', factor: 1.25 },
    },
    { part: 'up', what: 'in process, by the same with a plain bus', ours: times.up, other: times.plainBus },
  ];
  if (!hasManage(bench, 'up')) {
    return rows(await sideBySide(bench, 'up', inProcess));
  }
  const command = fromNothing(() => runManageUp(bench, stack));
  const times = await sideBySide(bench, 'up', { ...inProcess, command });
  return [
    ...rows(times),
    {
      part: 'up',
      what: 'the whole command, by the engine alone',
      ours: times.command,
      other: times.engine,
      target: { type: 'at most more', ms: 1200 },
    },
  ];
}
