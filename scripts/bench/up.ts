import { up } from '../../src/stack/commands/up.ts';
import { hasManage, runManageUp } from './support/command.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import type { Row } from './support/rows.ts';
import { clearStack, openSession, prepareStack } from './support/stacks.ts';

/** From nothing to a verified cluster, against what the engine alone needs for the same containers. */
export async function benchUp(bench: Bench): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-up');
  const fromNothing =
    (work: () => Promise<unknown>): Run =>
    async () => {
      const ms = await timed(work);
      await clearStack(bench.engine, stack.spec.name);
      return ms;
    };
  const inProcess = {
    engine: fromNothing(() => startAlone(bench, stack)),
    up: fromNothing(async () => up(await openSession(bench, stack))),
  };
  const row = (ours: readonly number[], other: readonly number[]): Row => ({
    part: 'up',
    what: 'in process, by the engine alone',
    ours,
    other,
    target: { type: 'at most times', factor: 1.25 },
  });
  if (!hasManage(bench, 'up')) {
    const { up: ours, engine } = await sideBySide(bench, 'up', inProcess);
    return [row(ours, engine)];
  }
  const command = fromNothing(() => runManageUp(bench, stack));
  const times = await sideBySide(bench, 'up', { ...inProcess, command });
  return [
    row(times.up, times.engine),
    {
      part: 'up',
      what: 'the whole command, by the engine alone',
      ours: times.command,
      other: times.engine,
      target: { type: 'at most more', ms: 1200 },
    },
  ];
}
