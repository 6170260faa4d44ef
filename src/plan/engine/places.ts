import { countSlots, SLOT_COUNT } from '../../cluster/slots/slots.ts';
import { busAddress, type NodeRow } from '../../cluster/nodes/node-table.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { list } from '../../cluster/findings/finding.ts';
import { openPorts } from '../../spec/ports.ts';
import { onHost, type NodeSpec, type Spec } from '../../spec/spec.ts';
import { elsewhereLabel } from '../model/definitions.ts';
import { nodeAsMade, publishedPorts } from '../model/host-ports.ts';
import { containerName, isOwn, LABELS, volumeName } from '../model/names.ts';
import { newAction, type ActionOf } from '../model/action.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Container, ContainerDefinition, Volume } from '../model/resources.ts';
import { redisConf } from '../node/redis-config.ts';
import type { Conflict } from './conflicts.ts';

/** A node that is on another of the hosts than the YAML file has it on. */
export interface Move {
  readonly node: string;
  readonly from: string;
  readonly to: string;
}

/** What is on the hosts, and which of them are away. */
type Things = Pick<Observed, 'away' | 'containers' | 'volumes'>;

interface Seen {
  readonly engine: Things;
  readonly views: readonly NodeView[];
}

/**
 * What should be for now: each node on the host where it is. All else is planned as if the YAML file had it there, and
 * only its turn in `disruption` takes it away. Once it is gone there, and nobody misses what it had, it is on its new host.
 */
export function settle<D extends { readonly spec: Spec; readonly wanted: Wanted }>(desired: D, seen: Seen): D {
  const { hosts, nodes, name: stack } = desired.spec;
  if (hosts.length === 0) return desired;
  const placed = nodes.map((node): NodeSpec => {
    const host = hosts.find(({ name }) => name === placeOf(stack, node, seen));
    if (host === undefined || host.name === node.host) return node;
    const [container] = containersOf(stack, node.name, seen.engine);
    const there = onHost(desired.spec.network.announce, node, host);
    // Where it is it keeps its ports, too: those in the YAML file may be taken there.
    return container === undefined ? there : nodeAsMade(desired.spec, there, container);
  });
  const spec: Spec = { ...desired.spec, nodes: placed };
  const containers = placed.flatMap((node): [string, ContainerDefinition][] => {
    const definition = desired.wanted.containers.get(node.name);
    if (definition === undefined) return [];
    const ports = openPorts(spec).flatMap((kind) => publishedPorts(spec, node, kind));
    const elsewhere = elsewhereLabel(spec, node);
    const generation = generationLabel(stack, node, seen.engine);
    const labels = { ...definition.labels, ...elsewhere };
    const volume = { ...definition.volume, labels: { ...definition.volume.labels, ...elsewhere, ...generation } };
    return [[node.name, { ...definition, host: node.host, labels, ports, volume }]];
  });
  const config = placed.map(({ name }, index): [string, { redisConf: string; userConf: string }] => {
    const { redisConf: conf = '', userConf = '' } = desired.wanted.config.get(name) ?? {};
    const node = placed[index];
    return [name, { redisConf: node === undefined || node === nodes[index] ? conf : redisConf(spec, node), userConf }];
  });
  return { ...desired, spec, wanted: { ...desired.wanted, containers: new Map(containers), config: new Map(config) } };
}

/** @param settled as `settle` gives it */
export function findMoves(spec: Spec, settled: Spec): Move[] {
  return spec.nodes.flatMap(({ name: node, host: to = '' }) => {
    const from = settled.nodes.find(({ name }) => name === node)?.host ?? '';
    return from === to ? [] : [{ node, from, to }];
  });
}

/** With its container; where it has none, with the youngest of its volumes, unless nobody needs what is in there. */
function placeOf(stack: string, node: NodeSpec, { engine, views }: Seen): string | undefined {
  const container = containersOf(stack, node.name, engine)[0];
  if (container !== undefined) return container.host;
  // It may be on the host that is away.
  if (engine.away.size > 0) return node.host;
  const [youngest] = volumesOf(stack, node.name, engine);
  return youngest === undefined || canGo(stack, node, { engine, views }) ? node.host : youngest.host;
}

/** Nothing of it stands in its way on its new host, and the others serve every slot without it. */
export function canGo(stack: string, node: NodeSpec, { engine, views }: Seen): boolean {
  const isTaken = volumesOf(stack, node.name, engine).some(({ host }) => host === node.host);
  const others = views.filter(isReachable).filter(({ name }) => name !== node.name);
  const isItself = (row: NodeRow): boolean => busAddress(row) === busAddress(node.announced);
  const serve = ({ table }: (typeof others)[number]): boolean =>
    countSlots(table.rows.filter((row) => !isItself(row) && !isLost(row)).flatMap(({ slots }) => slots)) === SLOT_COUNT;
  return !isTaken && others.length > 0 && others.every(serve);
}

function isLost({ flags, connected }: NodeRow): boolean {
  return !connected || flags.has('fail') || flags.has('fail?') || flags.has('noaddr');
}

function containersOf(stack: string, node: string, { containers }: Things): Container[] {
  return containers.filter(isOwn(stack)).filter(({ name }) => name === containerName(stack, node));
}

/** The youngest first. */
function volumesOf(stack: string, node: string, { volumes }: Things): Volume[] {
  return volumes
    .filter(isOwn(stack))
    .filter(({ name }) => name === volumeName(stack, node))
    .toSorted((one, other) => generationOf(other) - generationOf(one));
}

/** How many volumes its node had had before, each on another host. No clock tells it, and no file. */
function generationOf({ labels }: Volume): number {
  return Number(labels[LABELS.generation] ?? 0);
}

/** For a volume that is made while the node has one on another host. */
function generationLabel(stack: string, { name, host }: NodeSpec, engine: Things): Record<string, string> {
  const others = volumesOf(stack, name, engine);
  const [youngest] = others;
  if (youngest === undefined || others.some((one) => one.host === host)) return {};
  return { [LABELS.generation]: String(generationOf(youngest) + 1) };
}

/** While a host is away: nodes of which nobody can say whether they are there. They are not missing. */
export function findUnknown({ name: stack, nodes }: Spec, engine: Things): string[] {
  if (engine.away.size === 0) return [];
  return nodes
    .filter(({ name }) => containersOf(stack, name, engine).length === 0)
    .filter(
      ({ name, host = '' }) =>
        engine.away.has(host) || volumesOf(stack, name, engine).every((one) => one.host !== host),
    )
    .map(({ name }) => name);
}

/** What is left undone while hosts are away, as the end of a sentence; empty where all that is to be said is said. */
export function heldMovesText(spec: Spec, engine: Things): string {
  const unknown = findUnknown(spec, engine);
  const held = spec.nodes.filter(({ name, host = '' }) => {
    const [container] = containersOf(spec.name, name, engine);
    return container === undefined ? unknown.includes(name) && !engine.away.has(host) : container.host !== host;
  });
  if (held.length === 0) return '';
  return `; before that, ${list(held.map(({ name, host = '' }) => `${name} can't move to ${host}`))}`;
}

/** Nodes that answer the others, and are on none of the hosts: somebody took one out of the YAML file that is still in use. */
export function findElsewhere({ name: stack, hosts, nodes }: Spec, { engine, views }: Seen): NodeSpec[] {
  if (hosts.length === 0 || engine.away.size > 0) return [];
  const rows = views.filter(isReachable).flatMap(({ table }) => table.rows);
  return nodes.filter(({ name, announced }) => {
    const isHere = containersOf(stack, name, engine).length + volumesOf(stack, name, engine).length > 0;
    const isThere = rows.some((row) => busAddress(row) === busAddress(announced) && !isLost(row));
    return !isHere && isThere;
  });
}

/**
 * Volumes that a node had on other hosts: it is in sync on its own, so all that they hold is older than what the cluster has.
 *
 * @param spec as `settle` gives it, of a cluster that is whole
 */
export function planLeftVolumes({ name: stack, nodes }: Spec, engine: Things): ActionOf<'remove volume'>[] {
  return nodes.flatMap(({ name, host }) => {
    const volumes = volumesOf(stack, name, engine);
    const own = volumes.find((one) => one.host === host);
    if (own === undefined) return [];
    return volumes
      .filter((one) => generationOf(one) < generationOf(own))
      .map((one) => leftVolume(stack, name, host ?? '', one.host ?? ''));
  });
}

export function leftVolume(stack: string, node: string, host: string, former: string): ActionOf<'remove volume'> {
  return newAction('remove volume', volumeName(stack, node), `${node} has all its data on ${host}`, { host: former });
}

/** What a node has twice, where nothing says which is right. */
export function findTwins({ name: stack, nodes, hosts }: Spec, engine: Things): Conflict[] {
  return nodes.flatMap(({ name }): Conflict[] => {
    const containers = containersOf(stack, name, engine);
    const volumes = volumesOf(stack, name, engine);
    const own = volumes.find(({ host }) => host === containers[0]?.host) ?? volumes[0];
    const rivals = volumes.filter((one) => own !== undefined && generationOf(one) >= generationOf(own));
    const [things, kind] = containers.length > 1 ? [containers, 'container'] : [rivals, 'volume'];
    if (hosts.length === 0 || things.length < 2) return [];
    const [first] = things;
    const places = list(things.map(({ host = '' }) => host));
    const command = kind === 'container' ? 'docker rm -f' : 'docker volume rm';
    return [
      {
        code: 'DATA_AT_RISK',
        message: `the ${kind} ${first?.name ?? ''} is on the hosts ${places}, and nothing says which of them has the data of ${name}; nothing was changed`,
        hint: `${command} ${first?.name ?? ''}   # on the host whose data nobody needs`,
      },
    ];
  });
}
