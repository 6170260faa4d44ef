import { hashTag, keySlot } from '../../../cluster/keys/key-slot.ts';

/** A key as text, and the part of it that chooses the slot. */
interface KeyParts {
  readonly slot: number;
  readonly before: string;
  /** undefined where the whole key counts, which is `before` then. */
  readonly tag: string | undefined;
  readonly after: string;
}

/** A key's text is sent as UTF-8, as every client does by default. */
export function keyParts(key: string): KeyParts {
  const bytes = new TextEncoder().encode(key);
  const slot = keySlot(bytes);
  const tag = hashTag(bytes);
  if (tag === undefined) return { slot, before: key, tag: undefined, after: '' };
  const textOf = (part: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(part);
  return {
    slot,
    before: textOf(bytes.subarray(0, tag.byteOffset)),
    tag: textOf(tag),
    after: textOf(bytes.subarray(tag.byteOffset + tag.length)),
  };
}
