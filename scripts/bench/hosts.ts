import { makeStackOn } from '../../test/helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnEngine, type OwnHosts } from '../../test/helpers/own-engine.ts';
import { makeStack, type TestStack } from '../../test/helpers/test-stack.ts';
import { ROOT, runCommand } from './support/command.ts';
import { sideBySide, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import type { Row } from './support/rows.ts';

/** Of redis-1 to redis-6: two a host, the last three replicas of the first three. */
const PLACES = 'abcbca';

/** Three engines with 3 + 3 nodes: against what the engines alone need for the same, and against one with all six. */
export async function benchHosts(bench: Bench): Promise<Row[]> {
  const whyNot = whyNoOwnHosts();
  if (whyNot !== undefined) {
    bench.note(`hosts: ${whyNot}`);
    return [];
  }
  const hosts = await startOwnHosts(3);
  const stacks: TestStack[] = [];
  try {
    const [first] = hosts.all;
    if (first === undefined) throw new Error('there are no hosts');
    await Promise.all([hosts.joinSwarm(3), ...hosts.all.map((host) => host.loadImage())]);
    const three = await makeStackOn(hosts, PLACES);
    const one = await makeStack({ nodeCount: PLACES.length, replicas: 1 });
    stacks.push(three, one);
    return await measure(bench, hosts, { first, three, one });
  } finally {
    for (const stack of stacks) await stack.remove();
    await hosts.remove();
  }
}

interface Grounds {
  readonly first: OwnEngine;
  readonly three: TestStack;
  readonly one: TestStack;
}

async function measure(bench: Bench, hosts: OwnHosts, { first, three, one }: Grounds): Promise<Row[]> {
  const work =
    (name: 'up' | 'engines', stack: TestStack, at: Pick<OwnHosts, 'launcher'>): Run =>
    async () => {
      const script = `${ROOT}/scripts/bench/support/hosts-work.ts`;
      const [program, ...args] = [...at.launcher(), process.execPath, '--import', 'tsx', script];
      const env = { ...stack.env, DOCKER_HOST: at === first ? first.host : '' };
      return Number(await runCommand(bench, [program, ...args, name, stack.file, bench.image], env));
    };
  const fromNothing =
    (run: Run): Run =>
    async () => {
      const ms = await run();
      await hosts.must(three, 'down', '--volumes', '--yes');
      return ms;
    };
  const made = await sideBySide(bench, 'hosts', {
    engines: fromNothing(work('engines', three, hosts)),
    up: fromNothing(work('up', three, hosts)),
  });
  const [onThree, onOne] = [work('up', three, hosts), work('up', one, first)];
  await Promise.all([onThree(), onOne()]);
  const idle = await sideBySide(bench, 'hosts, nothing to do', { one: onOne, three: onThree });
  return [
    {
      part: 'hosts',
      what: 'up from nothing on three, by the slowest engine alone',
      ours: made.up,
      other: made.engines,
      target: { type: 'at most times', factor: 1.6 },
    },
    {
      part: 'hosts',
      what: 'nothing to do on three, by the same on one',
      ours: idle.three,
      other: idle.one,
      target: { type: 'at most times', factor: 2 },
    },
  ];
}
