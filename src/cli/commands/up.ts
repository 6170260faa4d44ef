import type { Session } from '../../stack/session/session.ts';
import type { Command, Invocation } from '../core/command.ts';
import { showCluster, nodesAsJson } from '../views/cluster.ts';

export const up: Command = {
  name: 'up',
  changes: true,
  summary: 'bring the cluster up, or what changed in the YAML file, and verify it',
  run: async (invocation) => bringUp(invocation, await invocation.openSession({ secret: true })),
};

/** @returns the exit code */
export async function bringUp({ endProgress, terminal, json }: Invocation, session: Session): Promise<number> {
  const { up: toWhatTheFileSays } = await import('../../stack/commands/up.ts');
  const { image, changeCount, views, elapsedMs } = await toWhatTheFileSays(session);
  endProgress();
  const { spec, engine } = session;
  if (json) {
    const nodes = nodesAsJson(session, views);
    const result = {
      stack: spec.name,
      changes: changeCount,
      elapsedMs: Math.round(elapsedMs),
      image,
      engine: engine.endpoint,
      nodes,
    };
    terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
    return 0;
  }
  const seconds = `${(elapsedMs / 1000).toFixed(2)} s`;
  const headline =
    changeCount === 0 ? `${spec.name} is up: nothing to do (${seconds})` : `${spec.name} is up, in ${seconds}`;
  await showCluster(session, { headline, image, views, terminal });
  return 0;
}
