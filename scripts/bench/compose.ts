import { canRun, hasManage, runManageUp } from './support/command.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { upWithScript } from './support/peer-script.ts';
import { upWithCompose, upWithDocument } from './support/peers.ts';
import type { Row } from './support/rows.ts';
import { clearStack, prepareStack, type BenchStack } from './support/stacks.ts';

/** The document's way takes a quarter of a minute, nearly all of it asleep: it varies little. */
const MOST_DOCUMENT_ROUNDS = 2;

/** From nothing to a cluster that is `ok` on every node: our whole command against what people use today. */
export async function benchCompose(bench: Bench): Promise<Row[]> {
  if (!hasManage(bench, 'compose')) return [];
  const compose = await findCompose(bench);
  if (compose === undefined || !(await canRun(bench, ['docker', 'version']))) {
    bench.note('compose: docker and docker-compose are not both there; the part is left out');
    return [];
  }
  const contender = async (name: string, work: (stack: BenchStack) => Promise<void>): Promise<Run> => {
    const stack = await prepareStack(bench, name);
    return async () => {
      const ms = await timed(() => work(stack));
      await clearStack(bench.engine, name);
      return ms;
    };
  };
  const ours = await contender('bench-ours', (stack) => runManageUp(bench, stack));
  const quick = await sideBySide(bench, 'compose', {
    ours,
    compose: await contender('bench-compose', (stack) => upWithCompose(bench, stack, compose)),
    script: await contender('bench-script', (stack) => upWithScript(bench, stack)),
  });
  const asleep = await sideBySide(
    bench,
    'compose',
    { ours, document: await contender('bench-document', (stack) => upWithDocument(bench, stack, compose)) },
    { counted: Math.min(bench.rounds, MOST_DOCUMENT_ROUNDS), warmUp: false },
  );
  const row = (what: string, own: readonly number[], other: readonly number[], factor: number): Row => ({
    part: 'compose',
    what: `the whole command, by ${what}`,
    ours: own,
    other,
    target: { type: 'times faster', factor },
  });
  return [
    row('docker-compose + redis-cli --cluster create', quick.ours, quick.compose, 2),
    row('docker run × 3 + redis-cli --cluster create', quick.ours, quick.script, 2),
    row("the document's compose file and init script", asleep.ours, asleep.document, 8),
  ];
}

export async function findCompose(bench: Bench): Promise<readonly string[] | undefined> {
  if (await canRun(bench, ['docker-compose', 'version'])) return ['docker-compose'];
  return (await canRun(bench, ['docker', 'compose', 'version'])) ? ['docker', 'compose'] : undefined;
}
