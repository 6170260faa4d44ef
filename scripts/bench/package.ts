import { join } from 'node:path';
import { findCompose } from './compose.ts';
import { canRun, runCommand } from './support/command.ts';
import { sideBySide, takeTurns, timed } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import { upWithScript } from './support/peer-script.ts';
import { runCompose, upWithCompose } from './support/peers.ts';
import type { Row, Target } from './support/rows.ts';
import { clearStack, freshStateFolder, prepareStack, type BenchStack } from './support/stacks.ts';

/** The command of the package, packed and installed: its start, from nothing to a verified cluster, nothing to do, and down. */
export async function benchPackage(bench: Bench): Promise<Row[]> {
  const program = await install(bench);
  return [...(await benchStart(bench, program)), ...(await benchWalk(bench, program))];
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

/** What one contender's turn took, in ms. Who only comes up has no more than the first. */
interface Walk {
  readonly up: number;
  /** The same command again: nothing is to be done. */
  readonly again?: number;
  /** The data is kept. */
  readonly down?: number;
}

type Step = (stack: BenchStack) => Promise<unknown>;

/** From nothing to a verified cluster, `up` once more, `down`: each as the whole command, and once Node.js has started. */
async function benchWalk(bench: Bench, program: string): Promise<Row[]> {
  const contender = async (name: string, up: Step, again?: Step, down?: Step): Promise<() => Promise<Walk>> => {
    const stack = await prepareStack(bench, `bench-package-${name}`);
    const timeOf = (step: Step): Promise<number> => timed(() => step(stack));
    return async () => {
      const walk = {
        up: await timeOf(up),
        ...(again && { again: await timeOf(again) }),
        ...(down && { down: await timeOf(down) }),
      };
      await clearStack(bench.engine, stack.spec.name);
      return walk;
    };
  };
  const compose = await findCompose(bench);
  const hasDocker = await canRun(bench, ['docker', 'version']);
  if (!hasDocker || compose === undefined)
    bench.note('package: without docker or docker-compose, some rows are left out');
  const stateFolder = await freshStateFolder(bench);
  const ours =
    (verb: string): Step =>
    ({ path }) =>
      runCommand(bench, [program, verb, '-f', path], { XDG_STATE_HOME: stateFolder });
  const contenders: Record<string, () => Promise<Walk>> = {
    node: async () => ({ up: await timed(() => runCommand(bench, ['node', '-e', '0'])) }),
    engine: await contender('engine', (stack) => startAlone(bench, stack)),
    ours: await contender('up', ours('up'), ours('up'), ours('down')),
    ...(hasDocker && { script: await contender('script', (stack) => upWithScript(bench, stack)) }),
    ...(hasDocker &&
      compose !== undefined && {
        compose: await contender(
          'compose',
          (stack) => upWithCompose(bench, stack, compose),
          (stack) => runCompose(bench, stack, compose, ['up', '-d']),
          (stack) => runCompose(bench, stack, compose, ['down']),
        ),
      }),
  };
  const walks = await takeTurns(bench, 'package', contenders, (walk) =>
    Object.entries(walk)
      .map(([step, ms]) => `${step} ${ms.toFixed(0)} ms`)
      .join(', '),
  );
  const timesOf = (name: string, step: keyof Walk): number[] => (walks[name] ?? []).flatMap((walk) => walk[step] ?? []);
  const row = (step: keyof Walk, what: string, other: string, target?: Target): Row[] => {
    const [own, theirs] = [timesOf('ours', step), timesOf(other, step)];
    return theirs.length === 0 ? [] : [{ part: 'package', what, ours: own, other: theirs, ...(target && { target }) }];
  };
  const starts = timesOf('node', 'up');
  const onceStarted = (step: keyof Walk, what: string): Row[] => [
    ...row(step, `${what}, by docker-compose: whole commands`, 'compose'),
    ...row(step, `${what}, by docker-compose: once Node.js has started`, 'compose', {
      type: 'at most times',
      factor: 1,
    }).map((one) => ({ ...one, ours: one.ours.map((ms, index) => ms - (starts[index] ?? Number.NaN)) })),
  ];
  return [
    ...row('up', 'up, by the engine alone', 'engine', { type: 'at most more', ms: 350 }),
    ...row('up', 'up, by docker-compose + redis-cli --cluster create', 'compose', { type: 'times faster', factor: 2 }),
    ...row('up', 'up, by docker run × 3 + redis-cli --cluster create', 'script', { type: 'times faster', factor: 1.7 }),
    ...onceStarted('again', 'up with nothing to do'),
    ...onceStarted('down', 'down, data kept'),
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
