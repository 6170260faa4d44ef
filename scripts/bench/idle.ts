import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasManage, runCommand, runManageUp } from './support/command.ts';
import { sideBySide, timed } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import type { Row } from './support/rows.ts';
import { clearStack, freshStateFolder, prepareStack } from './support/stacks.ts';

/** `up` of a stack that is as it should be, against a program that does nothing at all. */
export async function benchIdle(bench: Bench): Promise<Row[]> {
  if (!hasManage(bench, 'idle')) return [];
  const stack = await prepareStack(bench, 'bench-idle');
  const stateFolder = await freshStateFolder(bench);
  const empty = join(bench.folder, 'empty.ts');
  await writeFile(empty, '');
  await runManageUp(bench, stack, stateFolder);
  const times = await sideBySide(bench, 'idle', {
    empty: () => timed(() => runCommand(bench, ['npx', 'tsx', empty])),
    up: () => timed(() => runManageUp(bench, stack, stateFolder)),
  });
  await clearStack(bench.engine, stack.spec.name);
  return [
    {
      part: 'idle',
      what: 'up with nothing to do, by npx tsx of an empty file',
      ours: times.up,
      other: times.empty,
      target: { type: 'at most more', ms: 400 },
    },
  ];
}
