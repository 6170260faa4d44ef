import { batchesOf } from '../../cluster/slots/slots.ts';
import { isReachable, type NodeView } from '../../cluster/nodes/view.ts';
import { containerName, isOwn, volumeName } from '../../plan/model/names.ts';
import { NO_FACTS, type Snapshot } from '../../plan/model/snapshot.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import type { PasswordState } from '../../plan/node/plan-password.ts';
import { otherUsers, passwordHash } from '../../plan/node/redis-config.ts';
import type { NodeLink, RedisCommand } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import type { Nodes } from '../connect/with-nodes.ts';
import type { Session } from '../session/session.ts';
import { readLog } from './container-end.ts';
import { isStartOver, readOutdatedSlots } from './log-signs.ts';
import { judgeCertificates, observeCertificates } from './certificates.ts';
import { isBootstrapping } from '../../cluster/nodes/bootstrap-table.ts';
import { surveySlots } from '../../cluster/slots/slot-survey.ts';
import type { RepairFacts } from '../../plan/cluster/plan-repair.ts';
import type { Volume } from '../../plan/model/resources.ts';

/** What nodes that run say of their passwords and certificates. */
export type NodeFacts = Pick<Snapshot, 'passwords' | 'certificates'>;
export const NO_NODE_FACTS: NodeFacts = { passwords: [], certificates: [] };

/** @param known nodes that have just been given all their files have their password and certificate from there */
export async function readNodeFacts(
  session: Session,
  nodes: Nodes,
  password: Secret | undefined,
  isAuthorityLost: boolean,
  known: ReadonlyMap<string, ConfigText>,
): Promise<NodeFacts> {
  const { spec } = session;
  const isNew = ({ name }: Pick<NodeSpec, 'name'>): boolean => known.has(containerName(spec.name, name));
  const others = nodes.all.filter((link) => !isNew(link));
  const [passwords, certificates] = await Promise.all([
    password === undefined ? [] : Promise.all(others.map((link) => readPasswordState(link, password))),
    !spec.tls.enabled || spec.nodes.every(isNew) ? [] : observeCertificates(session),
  ]);
  const old = certificates.filter(({ node }) => !isNew(node));
  return {
    passwords,
    certificates: old.length === 0 ? [] : await judgeCertificates(session, old, isAuthorityLost),
  };
}

/** Without a plain port, a node whose certificate this host refuses does not answer. */
export async function findRefused(session: Session, isAuthorityLost: boolean): Promise<NodeFacts> {
  const states = await judgeCertificates(session, await observeCertificates(session), isAuthorityLost);
  return { ...NO_NODE_FACTS, certificates: states.filter(({ isRefused }) => isRefused) };
}

export async function readPasswordState(link: NodeLink, wanted: Secret): Promise<PasswordState> {
  const hash = passwordHash(wanted.reveal());
  const { accepted, sent, users } = await link.readPasswords();
  return {
    node: link.name,
    acceptsWanted: accepted.includes(hash),
    acceptsOthers: accepted.some((one) => one !== hash),
    sendsWanted: sent.reveal() === wanted.reveal(),
    users: new Map(otherUsers(users).map((line) => [line.split(' ')[1] ?? '', passwordHash(line)])),
  };
}

/** Adds to `known` those of nodes that answer for the first time. */
export async function readSettingsOf(
  views: readonly NodeView[],
  nodes: Nodes,
  known: Snapshot['settings'],
): Promise<Snapshot['settings']> {
  const fresh = views.filter(({ name, reachable }) => reachable && !known.has(name));
  if (fresh.length === 0) return known;
  const read = await Promise.all(fresh.map(async ({ name }) => [name, await readSettings(nodes.get(name))] as const));
  return new Map([...known, ...read]);
}

async function readSettings(link: NodeLink): Promise<Map<string, string>> {
  const reply = await link.send('CONFIG', 'GET', '*');
  const words = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(words.flatMap((name, index) => (index % 2 === 0 ? [[name, words[index + 1] ?? '']] : [])));
}

/** Where the keys of the doubtful slots are. Reads only, and nothing where no slot is doubtful. */
export async function readRepairFacts(
  spec: Spec,
  views: readonly NodeView[],
  nodes: Nodes,
  { volumes, outdatedOn }: { readonly volumes: readonly Volume[]; readonly outdatedOn: OutdatedReader },
): Promise<RepairFacts> {
  const reachable = views.filter(isReachable);
  if (reachable.length < views.length || reachable.some(({ table }) => isBootstrapping(table))) return NO_FACTS;
  const own = new Set(reachable.map(({ table }) => table.myself.id));
  const names = new Set(spec.nodes.map(({ name }) => volumeName(spec.name, name)));
  const hasOtherVolumes = volumes.filter(isOwn(spec.name)).some(({ name }) => !names.has(name));
  const slots = surveySlots(reachable)
    // Slots of a node that isn't there stay its own for now.
    .filter(
      ({ claimants, believed }) => claimants.length > 0 || believed.every((id) => id === undefined || own.has(id)),
    )
    .flatMap((claims) => claims.slots);
  // A replica has the keys of its primary, and can't give them to anybody.
  const primaries = reachable.filter(({ table, keyCount }) => table.myself.role === 'primary' && keyCount > 0);
  const counts = new Map(
    await Promise.all(primaries.map(async ({ name }) => [name, await countKeys(nodes.get(name), slots)] as const)),
  );
  const importing = reachable.filter(({ name, table }) =>
    table.myself.openSlots.some(
      ({ direction, slot }) => direction === 'importing' && (counts.get(name)?.has(slot) ?? false),
    ),
  );
  const outdated = await Promise.all(importing.map(async ({ name }) => [name, await outdatedOn(name)] as const));
  return { keys: counts, outdated: new Map(outdated), hasOtherVolumes };
}

type OutdatedReader = (node: string) => Promise<ReadonlySet<number>>;

/** Redis writes a line for each slot, after what else it has to say of its start. */
const LOG_LINES = 40_000;

/**
 * Reads each node's log once it has said all of its start, which stays so until it starts again. The engine may have those
 * words a moment after the node has answered.
 */
export function outdatedReader({ engine, spec }: Session): OutdatedReader {
  const read = new Map<string, ReadonlySet<number>>();
  return async (node) => {
    const known = read.get(node);
    if (known !== undefined) return known;
    const lines = await readLog(engine, containerName(spec.name, node), LOG_LINES);
    const outdated = readOutdatedSlots(lines);
    if (isStartOver(lines)) read.set(node, outdated);
    return outdated;
  };
}

/** A node counts a slot's keys without looking at them: all 16384 are a matter of milliseconds. */
const SLOTS_A_PIPELINE = 1000;

async function countKeys(link: NodeLink, slots: readonly number[]): Promise<ReadonlyMap<number, number>> {
  const counts = new Map<number, number>();
  for (const chunk of batchesOf(slots, SLOTS_A_PIPELINE)) {
    const replies = await link.sendAll(chunk.map((slot): RedisCommand => ['CLUSTER', 'COUNTKEYSINSLOT', slot]));
    replies.forEach((reply, index) => {
      const slot = chunk[index];
      if (slot !== undefined && typeof reply === 'number' && reply > 0) counts.set(slot, reply);
    });
  }
  return counts;
}
