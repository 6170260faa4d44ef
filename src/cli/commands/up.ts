import { run } from '../../hint.ts';
import { openSession } from '../../stack/session/open.ts';
import type { Report, Session } from '../../stack/session/session.ts';
import { timed, type Command, type Invocation } from '../core/command.ts';
import { screenOn, type Outcome } from '../core/output.ts';
import { MARKS } from '../views/progress.ts';
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
  changes: true,
  summary: 'bring the cluster up, or what changed in the YAML file, and verify it',
  options: { '--watch': 'stay, and bring back what fails or goes, until Ctrl-C: for a service' },
  run: async (invocation) => {
    if (invocation.options['watch'] === true) return stayUp(invocation);
    return bringUp(await invocation.openSession({ secret: true }));
  },
};

/** Who is told to end lets what the engine has begun come to its end, for so long. */
const LAST_ACTION_MS = 3000;

/** A line with its time for whatever happens, as a log has it. */
async function stayUp(invocation: Invocation): Promise<number> {
  const { connection, terminal, json, quiet, signal, renderHint, endProgress } = invocation;
  const { keepUp } = await import('../../stack/commands/watch/keep-up.ts');
  const screen = screenOn(terminal, renderHint);
  const report: Report = ({ subject, state, text, hint, action }) => {
    if (quiet && state === 'done') return;
    const at = new Date().toISOString();
    const next = hint === undefined ? undefined : renderHint(hint);
    const about = action === undefined ? `${subject}: ` : '';
    screen.line(
      json
        ? JSON.stringify({ at, subject, state, text, hint: next })
        : `${at} ${MARKS[state]} ${about}${text}${next === undefined ? '' : `. ${next}`}`,
    );
  };
  const begin = async (): Promise<void> => {
    const closers: (() => Promise<void>)[] = [];
    const options = { ...connection, onOpen: (close: () => Promise<void>) => void closers.push(close) };
    try {
      const { data, show } = await bringUp(await openSession(options, { secret: true, exclusive: 'up' }));
      endProgress();
      if (json) screen.line(JSON.stringify(data));
      else if (!quiet) await show(screen);
    } finally {
      endProgress();
      for (const close of closers.toReversed()) await close();
    }
  };
  await keepUp({
    bringUp: begin,
    open: () =>
      openSession(connection, {
        bounds: { signal: later(signal, LAST_ACTION_MS), timeoutMs: connection.timeoutMs },
      }),
    report,
    signal,
  });
  return 0;
}

function later(signal: AbortSignal, ms: number): AbortSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', () => setTimeout(abort, ms).unref(), { once: true });
  return controller.signal;
}

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
