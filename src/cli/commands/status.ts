import type { Command } from '../core/command.ts';
import { isReachable } from '../../cluster/nodes/view.ts';
import type { RenderHint } from '../../hint.ts';
import type { Status } from '../../stack/commands/status.ts';
import { NO_PROXY } from '../../plan/engine/plan-proxy.ts';
import type { Session } from '../../stack/session/session.ts';
import type { Screen } from '../core/output.ts';
import {
  engineLine,
  imageLine,
  nodesAsJson,
  placeColumns,
  proxyAsJson,
  proxyLine,
  reachLine,
} from '../views/cluster.ts';

export const status: Command = {
  name: 'status',
  summary: 'show what runs, from which image, and whether the cluster is whole (exit code 1 if not)',
  run: async ({ openSession, renderHint }) => {
    const session = await openSession();
    const { readStatus } = await import('../../stack/commands/status.ts');
    const state = await readStatus(session);
    return {
      data: statusAsJson(session, state, renderHint),
      show: (screen) => showStatus(session, state, screen),
      exitCode: state.problems.length === 0 ? 0 : 1,
    };
  },
};

async function showStatus(session: Session, state: Status, screen: Screen): Promise<void> {
  const { good, bad, warn, line, paint, renderHint } = screen;
  const { stack, nodes, problems, next, warnings, engine } = state;
  const isWhole = problems.length === 0;
  const isOnlyClosed = problems.every((problem) => problem === NO_PROXY);
  const headline = isOnlyClosed ? 'cluster_state:ok, every node agrees' : 'the cluster is not whole';
  (isWhole ? good : bad)(`${paint('bold', `${stack}: ${headline}`)}\n`);
  const views = nodes.map(({ view }) => view).filter(isReachable);
  const columns = placeColumns(session);
  const hasHosts = session.spec.hosts.length > 0;
  const rows = nodes.map(({ node, container, view }) => {
    const cells = isReachable(view) ? columns.map(([, cell]) => cell(view, views)) : [];
    const { name } = node;
    // It may be on another than the YAML file has it on by now.
    const host = container?.host ?? node.host ?? '';
    const missing = state.away.includes(host) ? 'unknown' : 'no container';
    return [name, ...(hasHosts ? [host] : []), container?.status ?? missing, ...cells];
  });
  const titles = ['node', ...(hasHosts ? ['host'] : []), 'container', ...columns.map(([title]) => title)];
  await screen.table(titles, rows);
  line();
  for (const text of imageLines(session, state, views[0]?.server)) line(text);
  line(`${engineLine(session)}, ${engine.version}, API ${engine.apiVersion}`);
  if (state.reach !== undefined) line(reachLine(state.reach));
  if (state.proxy !== undefined) line(proxyLine(session, state.proxy));
  for (const problem of problems) bad(problem);
  for (const warning of warnings) warn(renderHint(warning));
  if (next !== undefined) screen.next(next);
}

/** What runs, and what the next `up` would run instead where that is something else. */
function imageLines(session: Session, { image, nodes }: Status, server: string | undefined): string[] {
  const containers = nodes.flatMap(({ container }) => (container === undefined ? [] : [container]));
  const others = new Set(containers.filter(({ imageId }) => imageId !== image?.id).map((container) => container.image));
  if (others.size === 0) return [imageLine(session, image, server)];
  const version = server === undefined ? '' : `, ${server}`;
  return [`Image ${[...others].join(', ')}${version}`, `  after the next up: ${imageLine(session, image, undefined)}`];
}

function statusAsJson(
  session: Session,
  { stack, endpoint, engine, reach, image, nodes, proxy, away, problems, warnings }: Status,
  renderHint: RenderHint,
): object {
  const views = nodes.map(({ view }) => view).filter(isReachable);
  return {
    stack,
    healthy: problems.length === 0,
    problems,
    warnings: warnings.map(renderHint),
    engine: { ...endpoint, ...engine },
    reach: reach ?? null,
    image: image ?? null,
    redisVersion: views[0]?.redisVersion ?? null,
    ...(away.length > 0 && { away }),
    containers: nodes.map(({ node, container }) => ({
      node: node.name,
      ...(node.host !== undefined && { host: container?.host ?? node.host }),
      container: container?.name ?? null,
      state: container?.state ?? null,
      status: container?.status ?? null,
      image: container?.image ?? null,
      imageId: container?.imageId ?? null,
    })),
    nodes: nodesAsJson(session, views),
    proxy: proxy === undefined ? null : proxyAsJson(session, proxy),
  };
}
