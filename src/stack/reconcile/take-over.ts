import { isReachable, parseInfo, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import type { Observed } from '../../plan/model/observed.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import { linkNodes } from '../connect/links.ts';
import type { Session } from '../session/session.ts';
import { waitUntil } from '../observe/wait-until.ts';

/**
 * For each node that is to start without data: of the nodes that copy whoever is at its address, the one with the latest
 * data becomes the primary. Without waiting for the others' votes, as its primary's data is gone for certain.
 *
 * @returns how many commands that took
 * @throws StackError WAIT_TIMEOUT when the copies don't answer; the empty node is not started then
 */
export async function takeOverFromEmpty(
  session: Session,
  copies: Observed['copies'],
  password: Secret,
): Promise<number> {
  if (copies.size === 0) return 0;
  const links = await linkNodes(session, password);
  try {
    for (const [lost, names] of copies) await takeOver(session, links, lost, names);
    return copies.size;
  } finally {
    for (const link of links) link.close();
  }
}

async function takeOver(
  session: Session,
  links: readonly NodeLink[],
  lost: string,
  names: readonly string[],
): Promise<void> {
  const address = session.spec.nodes.find(({ name }) => name === lost)?.ip ?? '';
  const message = `${names.join(', ')} has the only copy of what ${lost} had, and did not take over`;
  const hint = `npx tsx manage.ts logs ${names[0] ?? ''}   # ${lost} is not started empty before`;
  const copying = (views: readonly NodeView[]): ReachableView[] =>
    views.filter(isReachable).filter((view) => names.includes(view.name) && copiesFrom(view, address));
  const silent = (views: readonly NodeView[]): string[] =>
    views.filter((view) => names.includes(view.name) && !view.reachable).map(({ name }) => `${name} does not answer`);

  const views = await waitUntil(session, links, silent, { message, hint });
  const candidates = await Promise.all(
    copying(views).map(async ({ name }) => {
      const link = links.find((one) => one.name === name);
      const info = parseInfo(String(await link?.send('INFO', 'replication')));
      return { name, link, offset: Number(info.get('slave_repl_offset') ?? 0) };
    }),
  );
  const [best] = candidates.toSorted((one, other) => other.offset - one.offset);
  if (best === undefined) return;
  session.report({ subject: best.name, state: 'done', text: `takes over from ${lost}, which lost its data` });
  await best.link?.send('CLUSTER', 'FAILOVER', 'TAKEOVER');
  const stillCopying = (all: readonly NodeView[]): string[] =>
    copying(all).map(({ name }) => `${name} still copies from ${address}`);
  await waitUntil(session, links, stillCopying, { message, hint });
}

function copiesFrom({ table: { myself, rows } }: ReachableView, address: string): boolean {
  return rows.some(({ id, ip }) => id === myself.primaryId && ip === address);
}
