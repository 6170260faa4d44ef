import * as z from 'zod';
import { countSlots, SLOT_COUNT, type SlotRange } from '../../../cluster/slots/slots.ts';

/** Written last: a folder without it is no backup, or an unfinished one. */
export const MANIFEST_FILE = 'backup.json';

const slotRange = z
  .string()
  .regex(/^\d{1,5}(-\d{1,5})?$/, 'must be a slot or a range of slots, like 0-5460')
  .refine((text) => isRange(rangeOf(text)), 'must be within 0-16383, the lower end first');

const node = z.strictObject({
  name: z.string().min(1),
  id: z.string().regex(/^[0-9a-f]{40}$/, 'must be the id of a node: 40 hexadecimal digits'),
  // Nothing outside the folder is to be read.
  file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'must be the name of a file in this folder'),
  bytes: z.int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256: 64 hexadecimal digits'),
  keys: z.int().nonnegative(),
  slots: z.array(slotRange).min(1),
});

const manifest = z
  .strictObject({
    version: z.literal(1, 'must be 1: another program, or a newer version of this one, has written it'),
    stack: z.string().min(1),
    redisVersion: z.string().min(1),
    /** `Valkey 9.1.2`; an earlier version of this program has not written it. */
    server: z.string().min(1).optional(),
    takenAt: z.iso.datetime(),
    nodes: z.array(node).min(1),
  })
  .refine(({ nodes }) => new Set(nodes.map(({ file }) => file)).size === nodes.length, {
    path: ['nodes'],
    message: 'must name each file once',
  })
  .refine(({ nodes }) => ownsEverySlotOnce(nodes.flatMap(({ slots }) => slots.map(rangeOf))), {
    path: ['nodes'],
    message: 'must own every slot, each of them once',
  });

/** What a backup is made of. `keys` are those of the moment at which the node began to write its file. */
export type Manifest = Readonly<z.infer<typeof manifest>>;
export type BackedUpNode = Manifest['nodes'][number];

/** The manifest that `text` is, or every problem with it. */
export function parseManifest(
  text: string,
): { readonly manifest: Manifest } | { readonly problems: readonly string[] } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problems: ['it is not JSON'] };
  }
  const result = manifest.safeParse(json);
  if (result.success) return { manifest: result.data };
  return {
    problems: result.error.issues.map(({ path, message }) => `${path.join('.') || 'it'}: ${message}`),
  };
}

function rangeOf(text: string): SlotRange {
  const [start = '', end = start] = text.split('-');
  return { start: Number(start), end: Number(end) };
}

function isRange({ start, end }: SlotRange): boolean {
  return start <= end && end < SLOT_COUNT;
}

function ownsEverySlotOnce(ranges: readonly SlotRange[]): boolean {
  const sorted = ranges.toSorted((one, other) => one.start - other.start);
  const isApart = sorted.every(({ start }, index) => start > (sorted[index - 1]?.end ?? -1));
  return isApart && countSlots(sorted) === SLOT_COUNT;
}
