import { setTimeout as pause } from 'node:timers/promises';
import { containerName } from '../../src/plan/model/names.ts';
import { checkCluster } from '../../src/stack/commands/cluster/check.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { up } from '../../src/stack/commands/up.ts';
import { runCommand } from './support/command.ts';
import { sideBySide, timed } from './support/contest.ts';
import { LONGEST_WAIT_MS, type Bench } from './support/context.ts';
import { runClusterManager } from './support/redis-cli.ts';
import type { Row } from './support/rows.ts';
import { clearStack, openSession, prepareStack } from './support/stacks.ts';

const PRIMARY_COUNT = 30;
const PAUSE_MS = 100;
/** `docker exec` takes longer than a check, and never the same. */
const CHECKS_AN_EXEC = 10;

/** One look at a healthy cluster of 30 primaries. What `docker exec` takes by itself isn't held against redis-cli. */
export async function benchCheck(bench: Bench): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-check', { nodeCount: PRIMARY_COUNT, replicas: 0, memory: 'little' });
  const session = await openSession(bench, stack);
  await up(session);
  await waitUntilHealthy(bench, session);
  const first = stack.spec.nodes[0]?.name ?? '';
  const nothing = ['docker', 'exec', containerName(stack.spec.name, first), 'sh', '-c', ':'] as const;
  const times = await sideBySide(bench, 'check', {
    ours: () =>
      timed(async () => {
        const { findings } = await checkCluster(session);
        if (findings.length > 0) throw new Error(findings.map(({ text }) => text).join('; '));
      }),
    redisCli: async () => {
      const execMs = await timed(() => runCommand(bench, nothing));
      const ms = await timed(() => runClusterManager(bench, stack, first, ['check'], { times: CHECKS_AN_EXEC }));
      return (ms - execMs) / CHECKS_AN_EXEC;
    },
  });
  await clearStack(bench.engine, stack.spec.name);
  return [
    {
      part: 'check',
      what: `${PRIMARY_COUNT} primaries, by redis-cli --cluster check`,
      ours: times.ours,
      other: times.redisCli,
      target: { type: 'times faster', factor: 3 },
    },
  ];
}

/** Nodes that were made primaries all at once take a while to agree on distinct config epochs. */
export async function waitUntilHealthy({ note }: Bench, session: Session): Promise<void> {
  const start = Date.now();
  for (;;) {
    session.signal.throwIfAborted();
    const { findings } = await checkCluster(session);
    if (findings.length === 0) break;
    if (Date.now() - start > LONGEST_WAIT_MS) throw new Error(findings.map(({ text }) => text).join('; '));
    await pause(PAUSE_MS);
  }
  note(`nothing to find ${Date.now() - start} ms after up`);
}
