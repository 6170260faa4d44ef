import { isForgotten, rebuildTable, type LostNode } from '../../cluster/nodes/lost-table.ts';
import type { SlotRange } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { REDIS_GID, REDIS_UID } from '../../plan/model/definitions.ts';
import { containerName } from '../../plan/model/names.ts';
import { NODE_TABLE_FILE } from '../../plan/node/redis-config.ts';
import { clusterPort, CONTAINER_PORTS, type NodeSpec, type Spec } from '../../spec/spec.ts';
import { nodeTableFile } from '../execute/config-files.ts';
import { readEnd } from '../observe/container-end.ts';
import { stopGraceSeconds } from '../execute/perform.ts';
import type { Session } from '../session/session.ts';

/**
 * Gives nodes that lost their node table the one that they had, from what the others know: those that can't start with
 * what is left of it, and those that Redis has started without, under a new id and with all their keys. Any other way
 * home would take their keys for a stranger's. The broken file is kept beside the new one.
 *
 * @param except nodes that were given one before
 * @returns the nodes that were given one; none for those that nobody knows
 */
export async function restoreNodeTables(
  session: Session,
  views: readonly NodeView[],
  except: ReadonlySet<string>,
): Promise<string[]> {
  const restored = await Promise.all(
    session.spec.nodes.map(async (node) => {
      const view = views.find(({ name }) => name === node.name);
      const others = views.filter(isReachable).filter(({ name }) => name !== node.name);
      if (view === undefined || others.length === 0 || except.has(node.name)) return [];
      const isLost = view.reachable ? isForgotten(view, others) : await isTableDamaged(session, node);
      const lost = lostNode(session.spec, node, view.reachable ? view.table.myself.slots : []);
      const table = isLost ? rebuildTable(lost, others) : undefined;
      if (table === undefined) return [];
      await exchangeTable(session, node, table);
      return [node.name];
    }),
  );
  return restored.flat();
}

/** Nodes that run under a new id, with keys, and that the others know under the id that they had. */
export function findForgotten({ spec }: Pick<Session, 'spec'>, views: readonly NodeView[]): string[] {
  const reachable = views.filter(isReachable);
  return spec.nodes.flatMap((node) => {
    const view = reachable.find(({ name }) => name === node.name);
    const others = reachable.filter((other) => other !== view);
    if (view === undefined || !isForgotten(view, others)) return [];
    return rebuildTable(lostNode(spec, node, view.table.myself.slots), others) === undefined ? [] : [node.name];
  });
}

function lostNode(spec: Spec, { ip }: NodeSpec, claimed: readonly SlotRange[]): LostNode {
  return { claimed, ip, port: clusterPort(spec), busPort: CONTAINER_PORTS.bus };
}

async function isTableDamaged(session: Session, node: NodeSpec): Promise<boolean> {
  const container = (await session.engine.listContainers()).find(
    ({ name }) => name === containerName(session.spec.name, node.name),
  );
  if (container === undefined || (container.state !== 'restarting' && container.state !== 'exited')) return false;
  return (await readEnd(session, node.name, container)).sign?.kind === 'node table';
}

async function exchangeTable(session: Session, node: NodeSpec, table: string): Promise<void> {
  const { engine, spec, report } = session;
  const container = containerName(spec.name, node.name);
  // Its own table is written as it ends: only then is it there to be kept.
  await engine.stopContainer(container, await stopGraceSeconds(session, container));
  const kept = await keepAside(session, container);
  await engine.writeFiles(container, [nodeTableFile(NODE_TABLE_FILE, table)]);
  await engine.startContainer(container);
  const where = kept === undefined ? '' : `; what was left of it is kept as ${kept}`;
  report({
    subject: container,
    state: 'done',
    text: `its node table was lost: written anew from what the others know${where}`,
  });
}

/** Bytes as they are: what is wrong with them may be of use to somebody. @returns the new file's path */
async function keepAside({ engine }: Session, container: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  for await (const chunk of (await engine.openFile(container, NODE_TABLE_FILE)) ?? []) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === 0) return undefined;
  const path = `${NODE_TABLE_FILE}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, '-')}`;
  const file = { path, sizeBytes: bytes.length, mode: 0o644, uid: REDIS_UID, gid: REDIS_GID };
  await engine.putFile(
    container,
    file,
    (async function* once() {
      yield bytes;
    })(),
  );
  return path;
}
