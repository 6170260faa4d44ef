import { mendHint } from '../../cluster/findings/finding.ts';
import { countSlots, SLOT_COUNT, rangesOf } from '../../cluster/slots/slots.ts';
import { findOpenMoves } from '../../cluster/slots/open-moves.ts';
import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { errorMessage } from '../../errors.ts';
import { run, type Hint, type RenderHint } from '../../hint.ts';
import { absenceText } from '../../plan/engine/host-conflicts.ts';
import { entranceOf } from '../../stack/connect/host-address.ts';
import type { Observation } from '../../stack/commands/watch/observer.ts';
import type { Session } from '../../stack/session/session.ts';
import type { LiveNode, LiveState } from './live-state.ts';
import { topologyOf, type Member, type Topology } from './topology.ts';

/** A LiveState whose commands are not rendered yet. */
export interface Described extends Omit<LiveState, 'findings'> {
  readonly findings: readonly { readonly text: string; readonly command: Hint }[];
}

/** What the page shows of an observation. */
export function describeLive(observation: Observation): Described {
  const topology = topologyOf(observation);
  const { at, session, findings, staleBecause } = observation;
  const moves = movesOf(observation, topology);
  const stale = staleBecause === undefined ? [] : [{ text: staleBecause, command: run('plan') }];
  return {
    stack: session.spec.name,
    at,
    away: [...observation.away],
    ...stateOf(observation, topology, moves),
    findings: [...stale, ...findings.map((one) => ({ text: one.text, command: mendHint(one) }))],
    slots: topology.owned.map(({ start, end, member }) => ({ start, end, node: nameOf(member) })),
    moves,
    nodes: topology.members.flatMap((member) => liveNode(observation, topology, member)),
  };
}

export function renderLive({ findings, ...others }: Described, renderHint: RenderHint): LiveState {
  return { ...others, findings: findings.map(({ text, command }) => ({ text, command: renderHint(command) })) };
}

/** What the page shows where nobody could be asked: the nodes as they were seen last, without their figures. */
export function describeFailure(error: unknown, session: Session, last: Described | undefined): Described {
  const nodes = (last?.nodes ?? []).map(({ figures: _past, ...node }): LiveNode => {
    return { ...node, state: 'unknown', reason: 'it could not be asked' };
  });
  return {
    stack: session.spec.name,
    at: Date.now(),
    health: 'unknown',
    headline: 'The state of the cluster is unknown',
    away: last?.away ?? [],
    findings: [{ text: errorMessage(error), command: run('status') }],
    slots: last?.slots ?? [],
    moves: [],
    nodes,
  };
}

function stateOf(
  { nodes, away, findings, isMoving, session }: Observation,
  { assignedCount }: Topology,
  moves: LiveState['moves'],
): Pick<LiveState, 'health' | 'headline'> {
  const answering = nodes.filter(({ view }) => view.reachable).length;
  if (answering === 0) {
    const isThere = nodes.some(({ container }) => container !== undefined);
    return { health: 'failing', headline: isThere ? 'No node answers' : `The stack ${session.spec.name} is not up` };
  }
  if (findings.length > 0) {
    const count = findings.length === 1 ? 'One thing is' : `${findings.length} things are`;
    const what = away.size === 0 ? `${count} wrong` : capitalized(absenceText(away));
    return { health: 'failing', headline: `${what}; ${answering} of ${nodes.length} nodes answer` };
  }
  if (isMoving) {
    const slots = moves.reduce((sum, { count }) => sum + count, 0);
    const which = slots === 0 ? 'slots are' : `${slots} ${slots === 1 ? 'slot is' : 'slots are'}`;
    return { health: 'moving', headline: `The cluster is whole, and ${which} on the move` };
  }
  const slots = assignedCount === SLOT_COUNT ? `all ${SLOT_COUNT} slots` : `${assignedCount} slots`;
  return { health: 'ok', headline: `The cluster is whole: ${slots}, ${nodes.length} nodes agree` };
}

function movesOf({ nodes, migrations }: Observation, { members }: Topology): LiveState['moves'] {
  // The other end of a move may be away: then its id is all that the nodes tell.
  const named = (nameOrId: string): string => {
    const member = members.find(({ row }) => row?.id === nameOrId);
    return member === undefined ? nameOrId : nameOf(member);
  };
  const views = nodes.map(({ view }) => view).filter(isReachable);
  const { begun, handedOver, unclear } = findOpenMoves(views);
  return [...begun, ...handedOver, ...unclear, ...migrations].map(({ from, to, slots }) => ({
    from: named(from),
    to: named(to),
    slots: rangesOf(slots),
    count: slots.length,
  }));
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function liveNode({ session, away }: Observation, { members }: Topology, member: Member): LiveNode[] {
  const { spec, observed, row, address, slots } = member;
  if (spec === undefined || observed === undefined) return [];
  const { view, lastFailure } = observed;
  const { host, port } = entranceOf(session, spec);
  const silent = away.has(spec.host ?? '') ? 'unknown' : 'down';
  const primary = members.find((one) => one.row !== undefined && one.row.id === row?.primaryId);
  return [
    {
      name: spec.name,
      ...(spec.host !== undefined && { host: spec.host }),
      address,
      hostAddress: `${host}:${port}`,
      slotCount: countSlots(slots),
      ...(row && { id: row.id, role: row.role }),
      ...(primary && { primary: nameOf(primary) }),
      ...(lastFailure && { lastFailure }),
      ...(isReachable(view) ? healthOf(view, members) : { state: silent, reason: view.reason }),
    },
  ];
}

function healthOf(view: ReachableView, members: readonly Member[]): Pick<LiveNode, 'state' | 'reason' | 'figures'> {
  const figures = figuresOf(view);
  const seers = members.filter(({ observed }) => {
    const other = observed?.view;
    return other?.reachable === true && isSeenFailing(other, view.table.myself.id);
  });
  if (seers.length > 0) return { state: 'failing', reason: `${seers.map(nameOf).join(', ')} can't reach it`, figures };
  if (view.info.state !== 'ok') return { state: 'failing', reason: 'it says cluster_state:fail', figures };
  return { state: 'up', figures };
}

function isSeenFailing({ table }: ReachableView, id: string): boolean {
  const row = table.rows.find((one) => one.id === id);
  return row !== undefined && (row.flags.has('fail') || row.flags.has('fail?'));
}

function figuresOf(view: ReachableView): NonNullable<LiveNode['figures']> {
  const { fields, table, usedMemoryBytes, keyCount, server, redisVersion, replicationLink } = view;
  const count = (name: string): number => Math.trunc(Number(fields.get(name) ?? 0));
  const others = table.rows.filter(({ id }) => id !== table.myself.id);
  return {
    memoryBytes: usedMemoryBytes,
    maxMemoryBytes: count('maxmemory'),
    keys: keyCount,
    opsPerSecond: count('instantaneous_ops_per_sec'),
    clients: count('connected_clients'),
    uptimeSeconds: count('uptime_in_seconds'),
    server,
    redisVersion,
    busLinks: { up: others.filter(({ connected }) => connected).length, all: others.length },
    ...(replicationLink && { replicationLink }),
  };
}

function nameOf({ spec, address }: Member): string {
  return spec?.name ?? address;
}
