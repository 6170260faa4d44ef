import { list } from '../../cluster/findings/finding.ts';
import { openingText } from '../../cluster/findings/slot-findings.ts';
import { epochOf, groupBy, type SlotClaims } from '../../cluster/slots/slot-survey.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import { newAction, type ActionOf } from '../model/action.ts';
import { sumOf, holdsRanges } from '../../cluster/slots/slots.ts';
import { handOutSlots } from '../../cluster/slots/hand-out-slots.ts';

type RepairSlots = ActionOf<'repair slots'>;

/** Primary's name → slot → its keys there. Slots without a key may be left out. */
export type KeyCounts = ReadonlyMap<string, ReadonlyMap<number, number>>;

export interface KeyFacts {
  readonly keys: KeyCounts;
  /** Node → slots of others whose keys it has read from its files at its start: they are of before the slots were moved. */
  readonly outdated: ReadonlyMap<string, ReadonlySet<number>>;
}

/**
 * What makes each slot of `survey` belong to one node that has all its keys. A slot that is half moved is moved on; one
 * that is open otherwise goes back to its owner. One that nobody owns goes to who has most of its keys.
 *
 * @param views all nodes of the stack: a node that isn't asked may have keys, too
 */
export function planSlotRepairs(
  views: readonly ReachableView[],
  survey: readonly SlotClaims[],
  { keys: counts, outdated }: KeyFacts,
  primaryCount: number,
): RepairSlots[] {
  const scene = { views, primaries: views.filter(({ table }) => table.myself.role === 'primary'), counts, outdated };
  const heirs = heirsOf(scene, survey, primaryCount);
  const repairs = survey.flatMap((claims) => {
    const placements = claims.slots.flatMap((slot) => placementOf(scene, claims, slot, heirs.get(slot)));
    return groupBy(placements, placementKey).flatMap((group) => repairOf(scene, claims, group));
  });
  return groupBy(repairs, ({ slots: _slots, keyCount: _keyCount, ...rest }) => JSON.stringify(rest)).flatMap(
    (group): RepairSlots[] => {
      const [first] = group;
      if (first === undefined) return [];
      const keyCount = sumOf(group.map((one) => one.keyCount));
      return [{ ...first, slots: group.flatMap(({ slots }) => slots), keyCount }];
    },
  );
}

interface Scene {
  readonly views: readonly ReachableView[];
  readonly primaries: readonly ReachableView[];
  readonly counts: KeyCounts;
  readonly outdated: KeyFacts['outdated'];
}

function keysOn({ counts }: Scene, { name }: ReachableView, slot: number): number {
  return counts.get(name)?.get(slot) ?? 0;
}

/** Where one slot is to be. */
interface Placement {
  readonly slot: number;
  readonly owner: ReachableView | undefined;
  readonly destination: ReachableView;
  /** Other primaries that have keys of it. */
  readonly holders: readonly ReachableView[];
  readonly outdated: readonly ReachableView[];
}

function placementOf(scene: Scene, claims: SlotClaims, slot: number, heir: ReachableView | undefined): Placement[] {
  const owner = ownerOf(scene, claims, slot);
  const destination = owner === undefined ? heir : destinationOf(scene, claims, owner);
  if (destination === undefined) return [];
  const holders = scene.primaries.filter((view) => view !== destination && keysOn(scene, view, slot) > 0);
  const outdated = holders.filter(({ name }) => destination === owner && scene.outdated.get(name)?.has(slot) === true);
  return [{ slot, owner, destination, holders, outdated }];
}

function placementKey({ owner, destination, holders, outdated }: Placement): string {
  return [owner?.name, destination.name, ...namesOf(holders), '', ...namesOf(outdated)].join(' ');
}

/** Of several that claim the slot: the one whose claim gossip would let stand, or, with equal epochs, has most keys. */
function ownerOf(scene: Scene, { claimants }: SlotClaims, slot: number): ReachableView | undefined {
  const [owner] = claimants.toSorted(
    (one, other) => epochOf(other) - epochOf(one) || keysOn(scene, other, slot) - keysOn(scene, one, slot),
  );
  return owner;
}

/** Forward only where both sides agree on it; the owner may have let nobody else in. */
function destinationOf({ primaries }: Scene, { openings }: SlotClaims, owner: ReachableView): ReachableView {
  const target = openings.find(({ view, direction }) => view === owner && direction === 'migrating')?.nodeId;
  const importing = openings.find(
    ({ view, direction, nodeId }) =>
      direction === 'importing' && nodeId === owner.table.myself.id && view.table.myself.id === target,
  )?.view;
  return importing !== undefined && primaries.includes(importing) ? importing : owner;
}

/** Slot → who is to own it, for slots that nobody owns. */
function heirsOf(
  scene: Scene,
  survey: readonly SlotClaims[],
  primaryCount: number,
): ReadonlyMap<number, ReachableView> {
  const own = new Set(scene.views.map(({ table }) => table.myself.id));
  const free = survey.filter(
    // What a node owns that is not there has to be given up by a person first.
    ({ claimants, believed }) => claimants.length === 0 && believed.every((id) => id === undefined || own.has(id)),
  );
  const heirs = new Map<number, ReachableView>();
  for (const { slots, believed } of free) {
    const former = scene.primaries.find(({ table }) => believed.includes(table.myself.id));
    for (const slot of slots) {
      const [fullest] = scene.primaries.toSorted((one, other) => keysOn(scene, other, slot) - keysOn(scene, one, slot));
      const heir = fullest !== undefined && keysOn(scene, fullest, slot) > 0 ? fullest : former;
      if (heir !== undefined) heirs.set(slot, heir);
    }
  }
  const left = free.flatMap(({ slots }) => slots).filter((slot) => !heirs.has(slot));
  const holders = scene.primaries.map(({ name, table }) => ({ name, slots: table.myself.slots }));
  for (const [name, slots] of handOutSlots(left, holders, primaryCount)) {
    const heir = scene.primaries.find((one) => one.name === name);
    if (heir !== undefined) for (const slot of slots) heirs.set(slot, heir);
  }
  return heirs;
}

/** @param group placements of the same key */
function repairOf(scene: Scene, claims: SlotClaims, group: readonly Placement[]): RepairSlots[] {
  const [first] = group;
  if (first === undefined) return [];
  const { owner, destination, holders, outdated } = first;
  const slots = group.map(({ slot }) => slot);
  const { views, primaries } = scene;
  const { claimants, believed, openings } = claims;
  const losers = claimants.filter((view) => view !== owner && view !== destination);
  // A primary that loses all it has to one other is being failed over, and becomes that one's replica by itself.
  if (owner !== undefined && losers.some(({ table }) => holdsRanges(owner.table.myself.slots, table.myself.slots)))
    return [];
  const { id } = destination.table.myself;
  const misled = primaries.filter(
    // Whoever doesn't know it at all has to meet it first.
    (view) =>
      view !== destination && believed[views.indexOf(view)] !== id && view.table.rows.some((row) => row.id === id),
  );
  const needsEpoch =
    (owner === undefined || owner === destination) &&
    views.some((view, index) => epochIn(view, believed[index], id) >= epochOf(destination));
  const nothingIsWrong = owner === destination && openings.length === 0 && misled.length === 0 && !needsEpoch;
  if (nothingIsWrong && holders.length === 0) return [];
  return [
    newAction('repair slots', destination.name, causeOf(scene, claims, { misled, outdated }), {
      slots,
      destination: destination.name,
      owner: owner?.name,
      losers: namesOf(losers),
      holders: namesOf(holders),
      outdated: namesOf(outdated),
      keyCount: sumOf(holders.flatMap((view) => slots.map((slot) => keysOn(scene, view, slot)))),
      openOn: [...new Set(namesOf(openings.map(({ view }) => view)))],
      misled: namesOf(misled),
      needsEpoch,
    }),
  ];
}

/** The epoch under which `view` believes in another owner than `id`; below all others where it doesn't. */
function epochIn({ table }: ReachableView, believed: string | undefined, id: string): number {
  if (believed === undefined || believed === id) return -1;
  return table.rows.find((row) => row.id === believed)?.configEpoch ?? -1;
}

function causeOf(
  { views }: Scene,
  claims: SlotClaims,
  { misled, outdated }: Readonly<Record<'misled' | 'outdated', readonly ReachableView[]>>,
): string {
  const nameOf = (id: string): string => views.find(({ table }) => table.myself.id === id)?.name ?? id.slice(0, 8);
  const { claimants, openings } = claims;
  if (claimants.length === 0) return 'without an owner';
  if (claimants.length > 1) return `claimed by ${list(namesOf(claimants))}`;
  if (outdated.length > 0) return `${list(namesOf(outdated))} read old keys from disk at the start`;
  if (openings.length > 0) return openingText({ nameOf }, claims);
  const believers = misled.length === 0 ? 'a replica' : list(namesOf(misled));
  return `not what ${believers} ${misled.length > 1 ? 'believe' : 'believes'}`;
}

function namesOf(views: readonly ReachableView[]): string[] {
  return views.map(({ name }) => name);
}
