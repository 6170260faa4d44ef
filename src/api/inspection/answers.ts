import type * as z from 'zod';
import { keySlot } from '../../cluster/keys/key-slot.ts';
import { countSlots, formatRanges, SLOT_COUNT } from '../../cluster/slots/slots.ts';
import { isReachable, type ReachableView } from '../../cluster/nodes/view.ts';
import { run } from '../../hint.ts';
import { containerName } from '../../plan/model/names.ts';
import { clientKind } from '../../spec/ports.ts';
import { hostAddress } from '../../stack/connect/host-address.ts';
import type { Observation } from '../../stack/commands/watch/observer.ts';
import { ProblemError } from '../http/problem.ts';
import type { ClusterInfo, ClusterNodes, KeySlot, NodeInfo, SlotDistribution } from './schemas.ts';
import { onceAnObservation, toBeRemembered } from './remember.ts';
import { topologyOf, type Member } from './topology.ts';

/** Of the node that is the least content. @throws ProblemError 503 when none answers */
export const clusterInfo = onceAnObservation((observation): z.infer<typeof ClusterInfo> => {
  const [view] = answering(observation).toSorted(
    (one, other) => rank(one) - rank(other) || one.info.slotsOk - other.info.slotsOk,
  );
  const info = view?.info;
  return {
    cluster_state: info?.state ?? 'fail',
    cluster_slots_assigned: info?.slotsAssigned ?? 0,
    cluster_slots_ok: info?.slotsOk ?? 0,
    cluster_known_nodes: info?.knownNodes ?? 0,
    cluster_size: info?.size ?? 0,
  };
});

function rank({ info }: ReachableView): number {
  return info.state === 'ok' ? 1 : 0;
}

/** @throws ProblemError 503 when no node answers */
export const clusterNodes = onceAnObservation((observation): z.infer<typeof ClusterNodes> => {
  answering(observation);
  const nodes = topologyOf(observation).members.map(({ row, address, slots, spec }) => ({
    id: row?.id ?? '',
    ...(spec?.host !== undefined && { host: spec.host }),
    ...splitAddress(address),
    role: inRedisWords(row?.role ?? spec?.initialRole),
    slots: formatRanges(slots),
    slot_count: countSlots(slots),
  }));
  return { nodes };
});

/**
 * @param asked the node's address with the plain or the TLS port, or its name, or its container's
 * @throws ProblemError 404 when there is no such node, 503 when it doesn't answer
 */
export function nodeInfo(observation: Observation, asked: string): z.infer<typeof NodeInfo> {
  const { spec } = observation.session;
  const member = topologyOf(observation).members.find((one) => namesOf(one, spec.name).includes(asked));
  if (member === undefined) {
    const names = spec.nodes.map(({ name, announced }) => `${name} (${announced.ip}:${announced[clientKind(spec)]})`);
    throw new ProblemError(404, `the stack ${spec.name} has no node ${asked}`, {
      hint: `Its nodes are ${names.join(', ')}`,
    });
  }
  const known = infosOf(observation);
  const info = known.get(member) ?? toBeRemembered(infoOf(observation, member));
  known.set(member, info);
  return info;
}

const infosOf = onceAnObservation(() => new Map<Member, z.infer<typeof NodeInfo>>());

function infoOf(observation: Observation, member: Member): z.infer<typeof NodeInfo> {
  const view = member.observed?.view;
  if (view === undefined || !isReachable(view)) throw notAnswering(observation, member);
  const { fields } = view;
  return {
    node: member.address,
    role: inRedisWords(view.table.myself.role),
    connected_slaves: Number(fields.get('connected_slaves') ?? 0),
    used_memory: fields.get('used_memory') ?? '',
    used_memory_human: fields.get('used_memory_human') ?? '',
    total_commands_processed: Number(fields.get('total_commands_processed') ?? 0),
    keyspace: keyspaceOf(fields),
  };
}

/** @throws ProblemError 503 when no node answers */
export const slotDistribution = onceAnObservation((observation): z.infer<typeof SlotDistribution> => {
  answering(observation);
  const { owned, assignedCount } = topologyOf(observation);
  return {
    total_slots: SLOT_COUNT,
    assigned_slots: assignedCount,
    distribution: owned.map(({ start, end, member }) => ({
      node: member.address,
      start_slot: start,
      end_slot: end,
      slot_count: end - start + 1,
    })),
  };
});

/** @throws ProblemError 503 when no node answers: the slot is arithmetic, and who owns it isn't */
export function keyOwner(observation: Observation, key: Buffer): z.infer<typeof KeySlot> {
  answering(observation);
  const slot = keySlot(key);
  const owner = topologyOf(observation).owned.find(({ start, end }) => start <= slot && slot <= end);
  return { key: shownKey(key), slot, node: owner?.member.address ?? null };
}

/** Views of the nodes that answer. @throws ProblemError 503 with why the others don't, when there are none */
export function answering(observation: Observation): ReachableView[] {
  const views = observation.nodes.map(({ view }) => view).filter(isReachable);
  if (views.length > 0) return views;
  throw new ProblemError(503, `no node of ${observation.session.spec.name} answers`, {
    code: 'CLUSTER_UNHEALTHY',
    hint: run('up'),
    tried: triedOf(observation),
  });
}

/** Every node that doesn't answer, where it was looked for, and why. */
export function triedOf({ nodes, session }: Observation): string[] {
  const { spec, engine } = session;
  const kind = spec.tls.plain ? 'plain' : 'tls';
  return nodes.flatMap(({ node, view }) =>
    view.reachable
      ? []
      : [`${node.name} at ${hostAddress(spec, engine.endpoint, node)}:${node.ports[kind]}: ${view.reason}`],
  );
}

function notAnswering(observation: Observation, { spec, address }: Member): ProblemError {
  const name = spec?.name ?? address;
  if (spec === undefined) {
    return new ProblemError(404, `${address} is a node of the cluster, and none of the YAML file: it can't be asked`, {
      hint: run('cluster check'),
    });
  }
  return new ProblemError(503, `${name} does not answer`, {
    code: 'NODE_DISCONNECTED',
    hint: run('up'),
    tried: triedOf(observation).filter((text) => text.startsWith(`${name} at `)),
  });
}

function namesOf({ spec, address }: Member, stack: string): string[] {
  if (spec === undefined) return [address];
  const { name, announced } = spec;
  const { ip, plain, tls } = announced;
  return [address, `${ip}:${plain}`, `${ip}:${tls}`, name, containerName(stack, name)];
}

/** `db0:keys=150,expires=10,avg_ttl=0` */
function keyspaceOf(fields: ReadonlyMap<string, string>): Record<string, { keys: number; expires: number }> {
  return Object.fromEntries(
    [...fields]
      .filter(([name]) => /^db\d+$/.test(name))
      .map(([name, text]) => {
        const count = (what: string): number => Number(new RegExp(`(?:^|,)${what}=(\\d+)`).exec(text)?.[1] ?? 0);
        return [name, { keys: count('keys'), expires: count('expires') }];
      }),
  );
}

function inRedisWords(role: 'primary' | 'replica' | undefined): 'master' | 'slave' {
  return role === 'replica' ? 'slave' : 'master';
}

function splitAddress(address: string): { ip: string; port: number } {
  const colon = address.lastIndexOf(':');
  return { ip: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
}

/** Bytes that are no text can't be in JSON: they are shown as they were sent. */
function shownKey(key: Buffer): string {
  const text = key.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(key)) return text;
  return [...key]
    .map((byte) =>
      /[\w.~-]/.test(String.fromCharCode(byte))
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('');
}
