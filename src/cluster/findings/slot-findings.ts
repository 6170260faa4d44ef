import { rangesOf, countSlots, type SlotRange } from '../slots/slots.ts';
import { list, slotsText, type Finding, type SeenCluster } from './finding.ts';
import { epochOf, groupBy, strongestClaim, surveySlots, type SlotClaims } from '../slots/slot-survey.ts';

/** What is wrong with who owns which slots, one finding for all slots of which the same is to say. */
export function slotFindings(cluster: SeenCluster): Finding[] {
  const survey = surveySlots(cluster.reachable);
  return [
    ...unowned(cluster, survey),
    ...twoOwners(survey),
    ...disagreements(cluster, survey),
    ...open(cluster, survey),
  ];
}

function unowned({ own, reachable }: SeenCluster, survey: readonly SlotClaims[]): Finding[] {
  if (reachable.length === 0) return [];
  // Whoever is away, or gone, may still own it: that is another finding.
  const free = survey.filter(
    ({ claimants, believed }) => claimants.length === 0 && believed.every((id) => id === undefined || own.has(id)),
  );
  if (free.length === 0) return [];
  const slots = rangesOfClaims(free);
  const text = `${slotsText(slots)} ${countSlots(slots) === 1 ? 'has' : 'have'} no owner`;
  return [{ kind: 'slots without an owner', node: undefined, slots, text, mend: 'cluster fix' }];
}

function twoOwners(survey: readonly SlotClaims[]): Finding[] {
  const contested = survey.filter(({ claimants }) => claimants.length > 1);
  return groupBy(contested, ({ claimants }) => claimants.map(({ name }) => name).join()).map((group): Finding => {
    const slots = rangesOfClaims(group);
    const claims = (group[0]?.claimants ?? []).map((view) => `${view.name} (epoch ${epochOf(view)})`);
    const text = `${slotsText(slots)}: ${list(claims)} each claim ${countSlots(slots) === 1 ? 'it' : 'them'}`;
    return { kind: 'two owners', node: undefined, slots, text, mend: 'cluster fix' };
  });
}

/** Who believes something else than the one node that says that the slot is its own. */
function disagreements({ reachable, nameOf }: SeenCluster, survey: readonly SlotClaims[]): Finding[] {
  const wrong = survey.flatMap((claims) => {
    const owner = strongestClaim(claims)?.table.myself.id;
    if (owner === undefined) return [];
    const others = groupBy(
      reachable.flatMap(({ name, table }, index) => {
        const id = claims.believed[index];
        const isClaimant = id === table.myself.id;
        return id === owner || isClaimant ? [] : [{ name, id }];
      }),
      ({ id }) => id ?? '',
    );
    return others.map((group) => ({
      slots: claims.slots,
      owner,
      believed: group[0]?.id,
      names: group.map(({ name }) => name),
    }));
  });
  const groups = groupBy(wrong, ({ owner, believed, names }) => [owner, believed, ...names].join());
  return groups.flatMap((group): Finding[] => {
    const [first] = group;
    if (first === undefined) return [];
    const slots = rangesOfClaims(group);
    const believed = first.believed === undefined ? 'nobody' : nameOf(first.believed);
    const verb = first.names.length === 1 ? 'believes' : 'believe';
    const text = `${slotsText(slots)}: ${list(first.names)} ${verb} in ${believed} as the owner, and it is ${nameOf(first.owner)}`;
    const node = first.names.length === 1 ? first.names[0] : undefined;
    return [{ kind: 'disagreement', node, slots, text, mend: 'cluster fix' }];
  });
}

function open(cluster: SeenCluster, survey: readonly SlotClaims[]): Finding[] {
  const opened = survey
    .filter(({ openings }) => openings.length > 0)
    .map((claims) => ({ slots: claims.slots, text: openingText(cluster, claims) }));
  return groupBy(opened, ({ text }) => text).map((group): Finding => {
    const slots = rangesOfClaims(group);
    const verb = countSlots(slots) === 1 ? 'is' : 'are';
    const text = `${slotsText(slots)} ${verb} ${group[0]?.text ?? ''}`;
    return { kind: 'open slots', node: undefined, slots, text, mend: 'cluster fix' };
  });
}

/** How a slot is open, without its number: slots of the same text make one finding. */
export function openingText(
  { nameOf }: Pick<SeenCluster, 'nameOf'>,
  { openings }: Pick<SlotClaims, 'openings'>,
): string {
  const [first, second] = openings;
  const isPair =
    first !== undefined &&
    second !== undefined &&
    openings.length === 2 &&
    first.direction !== second.direction &&
    first.nodeId === second.view.table.myself.id &&
    second.nodeId === first.view.table.myself.id;
  if (isPair) {
    const [source, target] = first.direction === 'migrating' ? [first, second] : [second, first];
    return `half moved from ${source.view.name} to ${target.view.name}`;
  }
  const sides = openings.map(({ view, direction, nodeId }) =>
    direction === 'migrating'
      ? `migrating on ${view.name} to ${nameOf(nodeId)}`
      : `importing on ${view.name} from ${nameOf(nodeId)}`,
  );
  return openings.length === 1 ? `${sides.join()} only` : list(sides);
}

function rangesOfClaims(claims: readonly Pick<SlotClaims, 'slots'>[]): SlotRange[] {
  return rangesOf(claims.flatMap(({ slots }) => slots));
}
