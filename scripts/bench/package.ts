import { join } from 'node:path';
import { findCompose } from './compose.ts';
import { canRun, runCommand } from './support/command.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import { upWithScript } from './support/peer-script.ts';
import { upWithCompose } from './support/peers.ts';
import type { Row } from './support/rows.ts';
import { clearStack, freshStateFolder, prepareStack, type BenchStack } from './support/stacks.ts';

/** The command of the package, packed and installed: its start, and from nothing to a verified cluster. */
export async function benchPackage(bench: Bench): Promise<Row[]> {
  const program = await install(bench);
  return [...(await benchStart(bench, program)), ...(await benchPackageUp(bench, program))];
}

async function benchStart(bench: Bench, program: string): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-package-status');
  const env = { XDG_STATE_HOME: await freshStateFolder(bench) };
  await runCommand(bench, [program, 'up', '-f', stack.path], env);
  const times = await sideBySide(bench, 'package', {
    node: () => timed(() => runCommand(bench, ['node', '-e', '0'])),
    status: () => timed(() => runCommand(bench, [program, 'status', '-f', stack.path], env)),
  });
  await clearStack(bench.engine, stack.spec.name);
  return [
    {
      part: 'package',
      what: 'redis-cluster status, by node -e 0',
      ours: times.status,
      other: times.node,
      target: { type: 'at most more', ms: 250 },
    },
  ];
}

async function benchPackageUp(bench: Bench, program: string): Promise<Row[]> {
  const contender = async (name: string, work: (stack: BenchStack) => Promise<unknown>): Promise<Run> => {
    const stack = await prepareStack(bench, `bench-package-${name}`);
    return async () => {
      const ms = await timed(() => work(stack));
      await clearStack(bench.engine, stack.spec.name);
      return ms;
    };
  };
  const compose = await findCompose(bench);
  const hasDocker = await canRun(bench, ['docker', 'version']);
  if (!hasDocker || compose === undefined)
    bench.note('package: without docker or docker-compose, some rows are left out');
  const up = async ({ path }: BenchStack): Promise<unknown> =>
    runCommand(bench, [program, 'up', '-f', path], { XDG_STATE_HOME: await freshStateFolder(bench) });
  const contenders: Record<string, Run> = {
    engine: await contender('engine', (stack) => startAlone(bench, stack)),
    up: await contender('up', up),
    ...(hasDocker && { script: await contender('script', (stack) => upWithScript(bench, stack)) }),
    ...(hasDocker &&
      compose !== undefined && {
        compose: await contender('compose', (stack) => upWithCompose(bench, stack, compose)),
      }),
  };
  const times = await sideBySide(bench, 'package', contenders);
  const row = (what: string, other: string, target: Row['target']): Row[] => {
    const [own, theirs] = [times['up'] ?? [], times[other]];
    return theirs === undefined
      ? []
      : [{ part: 'package', what: `up, by ${what}`, ours: own, other: theirs, ...(target && { target }) }];
  };
  return [
    ...row('the engine alone', 'engine', { type: 'at most more', ms: 350 }),
    ...row('docker-compose + redis-cli --cluster create', 'compose', { type: 'times faster', factor: 2 }),
    ...row('docker run × 3 + redis-cli --cluster create', 'script', { type: 'times faster', factor: 1.7 }),
  ];
}

/** @returns the command, as npm puts it into a project; `npx` before it takes as long as npx takes */
async function install(bench: Bench): Promise<string> {
  const npm = ['--silent', '--offline', '--no-audit', '--no-fund'] as const;
  const packed = await runCommand(bench, ['npm', 'pack', ...npm, '--pack-destination', bench.folder]);
  const tarball = join(bench.folder, packed.trim().split('\n').at(-1) ?? '');
  await runCommand(bench, ['npm', 'install', ...npm, '--prefix', bench.folder, tarball]);
  return join(bench.folder, 'node_modules/.bin/redis-cluster');
}
