import { list } from '../../cluster/findings/finding.ts';
import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { isOwn, LABELS } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Container, ContainerDefinition } from '../model/resources.ts';
import { canRead, formatOf, serverOf, serverText, triesForeign } from '../model/server.ts';
import type { Conflict } from './conflicts.ts';

/**
 * Data that the wanted image's server can't read: it would end at its start, and a replica of it could not take what the
 * others, which have their turn later, send it.
 */
export function findUnreadable(
  stack: string,
  wanted: Wanted,
  { containers, formats }: Pick<Observed, 'containers' | 'formats'>,
  views: readonly NodeView[],
): Conflict[] {
  const reachable = views.filter(isReachable);
  const own = containers.filter(isOwn(stack));
  const unread = [...wanted.containers].flatMap(([node, definition]) => {
    const present = own.find(({ name, imageId }) => name === definition.name && imageId !== wanted.imageId);
    if (present === undefined) return [];
    const view = reachable.find(({ name }) => name === node);
    const known = [formats.get(present.name), view && formatOf(serverOf(view))].filter((one) => one !== undefined);
    const format = Math.max(...known);
    return known.length === 0 || isRead(wanted, format) ? [] : [{ node, definition, present, view, format }];
  });
  const [first] = unread;
  if (first === undefined) return [];
  const others = reachable.filter(({ name }) => !unread.some(({ node }) => node === name));
  const areCopies = unread.every(({ definition }) => isCopied(definition, others));
  const back = areCopies ? anew(unread) : backTo(imageOf(first.present));
  const names = unread.map(({ node }) => node);
  return [unreadable(wanted, names, first.format, { writer: first.view?.server, back })];
}

/** Of data in a volume whose container is gone. */
export function findUnreadableVolume(wanted: Wanted, node: string, format: number | undefined): Conflict | undefined {
  if (format === undefined || isRead(wanted, format)) return undefined;
  const back = hint`Set redis.image in the YAML file to the image that has written it, or a newer one, then: ${run('up')}   # every key is there`;
  return unreadable(wanted, [node], format, { writer: undefined, back });
}

function isRead({ server }: Wanted, format: number): boolean {
  return server === undefined || canRead(server, format);
}

function unreadable(
  { server, containers }: Wanted,
  nodes: readonly string[],
  format: number,
  { writer, back }: { readonly writer: string | undefined; readonly back: Hint },
): Conflict {
  const image = [...containers.values()][0]?.image ?? '';
  const reader = server === undefined ? '' : `${serverText(server)} of `;
  const isTried = server !== undefined && triesForeign(server);
  const copy = hint`. Or copy them: ${run('cluster backup DIR')}   # then cluster restore DIR, with a stack of this image and a redis.conf that says: rdb-version-check relaxed`;
  return {
    code: 'DATA_AT_RISK',
    message: `the data of ${list(nodes)} is in version ${format} of RDB${writer === undefined ? '' : `, that of ${writer}`}: ${reader}${image} can't read it; no node was stopped`,
    hint: isTried ? hint`${back}${copy}` : back,
  };
}

/** The image that other nodes still run when a change of it has reached the first ones. */
export function formerImage(stack: string, containers: readonly Container[], imageId: string): string | undefined {
  const left = containers
    .filter(isOwn(stack))
    .find(({ state, ...one }) => state === 'running' && one.imageId !== imageId);
  return left && imageOf(left);
}

function imageOf({ image, labels }: Pick<Container, 'image' | 'labels'>): string {
  return labels[LABELS.image] ?? image;
}

export function backTo(image: string): Hint {
  return hint`Set redis.image in the YAML file back to ${image}, then: ${run('up')}   # every key is there`;
}

/** A node that stays as it is has all that a replica has. */
function isCopied({ network }: ContainerDefinition, others: readonly ReachableView[]): boolean {
  return others.some(({ table: { myself, rows } }) =>
    rows.some(({ ip, primaryId }) => ip === network.address && primaryId === myself.id),
  );
}

function anew(nodes: readonly { readonly definition: ContainerDefinition }[]): Hint {
  const containers = nodes.map(({ definition }) => definition.name).join(' ');
  const volumes = nodes.map(({ definition }) => definition.volume.name).join(' ');
  return hint`docker rm -fv ${containers} && docker volume rm ${volumes}   # replicas: their primaries have every key. Then: ${run('up')}`;
}
