import { run } from '../../hint.ts';
import type { Session } from '../../stack/session/session.ts';
import { timed, type Command } from '../core/command.ts';
import type { Outcome } from '../core/output.ts';
import type { UpJson } from '../views/json.ts';
import {
  engineLine,
  imageLine,
  nodesAsJson,
  placeColumns,
  reachLine,
  proxyAsJson,
  proxyLine,
  showNodes,
  slotsOwned,
} from '../views/cluster.ts';
import { countText, durationText } from '../../units.ts';

const NEXT = [
  ['redis-cli', 'a prompt in cluster mode, with the password'],
  ['env', 'what an application needs to connect'],
  ['down', 'stop it; the data stays'],
] as const;

export const up: Command = {
  name: 'up',
  isForHosts: true,
  changes: true,
  summary: 'bring the cluster up, or what changed in the YAML file, and verify it',
  run: async ({ openSession }) => bringUp(await openSession({ secret: true })),
};

/** What `up` does, and shows: what is running, and the next commands to type. */
export async function bringUp(session: Session): Promise<Outcome> {
  const { up: toWhatTheFileSays } = await import('../../stack/commands/up.ts');
  const { result, elapsedMs } = await timed(() => toWhatTheFileSays(session));
  const { image, changeCount, views, reach, proxy } = result;
  const { name } = session.spec;
  const seconds = durationText(elapsedMs);
  const headline = changeCount === 0 ? `${name} is up: nothing to do (${seconds})` : `${name} is up, in ${seconds}`;
  const data: UpJson = {
    stack: name,
    changes: changeCount,
    elapsedMs,
    image: { reference: image.reference, id: image.id, server: image.server, isStandIn: image.isStandIn },
    engine: session.engine.endpoint,
    reach,
    nodes: nodesAsJson(session, views),
    ...(proxy && { proxy: proxyAsJson(session, proxy) }),
  };
  return {
    data,
    show: async (screen) => {
      const { good, line, paint, renderHint } = screen;
      const agreed = `${slotsOwned(views)}, ${countText(views.length, 'node')} agree`;
      good(`${paint('bold', headline)}: cluster_state:ok, ${agreed}\n`);
      await showNodes(screen, views, placeColumns(session));
      line(`\n${imageLine(session, image, views[0]?.server)}\n${engineLine(session)}\n${reachLine(reach)}`);
      line(proxy === undefined ? '' : `${proxyLine(session, proxy)}\n`);
      const next = NEXT.map(([words, purpose]) => [renderHint(run(words)), purpose] as const);
      const width = Math.max(...next.map(([command]) => command.length));
      line(`Next: ${next.map(([command, purpose]) => `${command.padEnd(width)}    # ${purpose}`).join('\n      ')}`);
    },
  };
}
