import { countSlots, rangesOf, slotsOf, SLOT_COUNT, type SlotOwner } from './slots.ts';

/**
 * Who is to own `free`, slots that nobody owns and that hold no key: name → slots, ascending. First the primaries that
 * own nothing, as far as `primaryCount` asks for more owners: one of them took the place of the lost one. Then the
 * neighbours of each gap, so that ranges stay whole, until each primary has its fair share; at last whoever has fewest.
 */
export function handOutSlots(
  free: readonly number[],
  primaries: readonly SlotOwner[],
  primaryCount: number,
): ReadonlyMap<string, readonly number[]> {
  const owners = primaries.filter(({ slots }) => slots.length > 0);
  const idle = primaries.filter(({ slots }) => slots.length === 0).slice(0, Math.max(primaryCount - owners.length, 0));
  const heirs = [...owners, ...idle];
  const given = new Map<string, number[]>(heirs.map(({ name }) => [name, []]));
  if (heirs.length === 0) return new Map();
  const share = Math.ceil(SLOT_COUNT / heirs.length);
  const sizeOf = ({ name, slots }: SlotOwner): number => countSlots(slots) + (given.get(name)?.length ?? 0);
  const room = (heir: SlotOwner): number => share - sizeOf(heir);

  for (const range of rangesOf(free)) {
    const left = owners.find(({ slots }) => slots.some(({ end }) => end === range.start - 1));
    const right = owners.find(({ slots }) => slots.some(({ start }) => start === range.end + 1));
    let next = range.start;
    while (next <= range.end) {
      const inOrder = [...idle, ...[left, right].filter((one) => one !== undefined)];
      const [fewest] = heirs.toSorted((one, other) => sizeOf(one) - sizeOf(other));
      const heir = inOrder.find((one) => room(one) > 0) ?? fewest;
      if (heir === undefined) return given;
      const count = Math.min(Math.max(room(heir), 1), range.end - next + 1);
      given.get(heir.name)?.push(...slotsOf([{ start: next, end: next + count - 1 }]));
      next += count;
    }
  }
  return new Map([...given].filter(([, slots]) => slots.length > 0));
}
