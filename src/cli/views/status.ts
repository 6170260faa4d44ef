import { isReachable } from '../../cluster/nodes/view.ts';
import type { Session } from '../../stack/session/session.ts';
import type { Status } from '../../stack/commands/status.ts';
import { painter, type Terminal } from '../core/terminal.ts';
import { clusterRow, engineLine, imageLine, nodesAsJson } from './cluster.ts';
import { table } from './table.ts';

export async function showStatus(session: Session, status: Status, { stdout, env }: Terminal): Promise<void> {
  const paint = painter(stdout, env);
  const views = status.nodes.map(({ view }) => view).filter(isReachable);
  const isWhole = status.problems.length === 0;
  const headline = isWhole ? 'cluster_state:ok, every node agrees' : 'the cluster is not whole';
  stdout.write(
    `${isWhole ? paint('green', '✓') : paint('red', '✗')} ${paint('bold', `${status.stack}: ${headline}`)}\n\n`,
  );
  const rows = status.nodes.map(({ node, container, view }) => {
    const state = container?.status ?? 'no container';
    const facts = view.reachable ? clusterRow(session, view, views).slice(1) : ['', '', '', '', '', ''];
    return [node.name, state, ...facts];
  });
  const head = ['node', 'container', 'role', 'slots', 'keys', 'memory', 'from this host', 'in the network'];
  stdout.write(`${await table(head, rows)}\n\n`);
  for (const line of imageLines(session, status, views[0]?.redisVersion)) stdout.write(`${line}\n`);
  stdout.write(`${engineLine(session)}, ${status.engine.version}, API ${status.engine.apiVersion}\n`);
  for (const problem of status.problems) stdout.write(`${paint('red', '✗')} ${problem}\n`);
  for (const warning of status.warnings) stdout.write(`${paint('yellow', '!')} ${warning}\n`);
  if (!isWhole) stdout.write('Next: npx tsx manage.ts up   # mends what can be mended without losing data\n');
}

/** What runs, and what the next `up` would run instead where that is something else. */
function imageLines(session: Session, { image, nodes }: Status, redisVersion: string | undefined): string[] {
  const containers = nodes.flatMap(({ container }) => (container === undefined ? [] : [container]));
  const others = new Set(containers.filter(({ imageId }) => imageId !== image?.id).map((container) => container.image));
  if (others.size === 0) return [imageLine(session, image, redisVersion)];
  const version = redisVersion === undefined ? '' : `, Redis ${redisVersion}`;
  return [`Image ${[...others].join(', ')}${version}`, `  after the next up: ${imageLine(session, image, undefined)}`];
}

export function statusAsJson(
  session: Session,
  { stack, endpoint, engine, image, nodes, problems, warnings }: Status,
): object {
  const views = nodes.map(({ view }) => view).filter(isReachable);
  return {
    stack,
    healthy: problems.length === 0,
    problems,
    warnings,
    engine: { ...endpoint, ...engine },
    image: image ?? null,
    redisVersion: views[0]?.redisVersion ?? null,
    containers: nodes.map(({ node, container }) => ({
      node: node.name,
      container: container?.name ?? null,
      state: container?.state ?? null,
      status: container?.status ?? null,
      image: container?.image ?? null,
      imageId: container?.imageId ?? null,
    })),
    nodes: nodesAsJson(session, views),
  };
}
