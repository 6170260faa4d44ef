import { networkDefinition } from '../../src/plan/model/definitions.ts';
import { containerName } from '../../src/plan/model/names.ts';
import { down } from '../../src/stack/commands/down.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { up } from '../../src/stack/commands/up.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import type { Row, Target } from './support/rows.ts';
import { clearStack, openSession, prepareStack } from './support/stacks.ts';

/** A running stack taken away, against containers killed and removed side by side. */
export async function benchDown(bench: Bench): Promise<Row[]> {
  const stack = await prepareStack(bench, 'bench-down');
  const fromRunning =
    (work: (session: Session) => Promise<unknown>): Run =>
    async () => {
      const session = await openSession(bench, stack);
      await up(session);
      const ms = await timed(() => work(session));
      await clearStack(bench.engine, stack.spec.name);
      return ms;
    };
  const confirm = (): Promise<boolean> => Promise.resolve(true);
  const takeDown = (session: Session, withVolumes: boolean): Promise<unknown> =>
    down(session, session.spec.name, { withVolumes, confirm, command: 'down' });
  const times = await sideBySide(bench, 'down', {
    forced: fromRunning(removeByForce),
    down: fromRunning((session) => takeDown(session, false)),
    withVolumes: fromRunning((session) => takeDown(session, true)),
  });
  const common = { part: 'down', other: times.forced, target: { type: 'at most times', factor: 1.3 } satisfies Target };
  return [
    { ...common, what: 'the data stays, by forced removal', ours: times.down },
    { ...common, what: '--volumes, by forced removal', ours: times.withVolumes },
  ];
}

async function removeByForce({ engine, spec }: Session): Promise<void> {
  await Promise.all(spec.nodes.map(({ name }) => engine.removeContainer(containerName(spec.name, name))));
  await engine.removeNetwork(networkDefinition(spec).name);
}
