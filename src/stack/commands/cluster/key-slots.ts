import { hashTag, keySlot } from '../../../cluster/keys/key-slot.ts';
import { shareSlot } from '../../../cluster/keys/share-slot.ts';
import { holdsSlot } from '../../../cluster/slots/slots.ts';
import { isReachable } from '../../../cluster/nodes/view.ts';
import { entranceOf } from '../../connect/host-address.ts';
import { readNodes } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

export interface KeySlot {
  readonly key: Buffer;
  readonly slot: number;
  readonly hashTag: Uint8Array | undefined;
  /** Who owns the slot; undefined where no node says so. */
  readonly owner: { readonly node: string; readonly host: string; readonly port: number } | undefined;
}

interface KeySlots {
  readonly keys: readonly KeySlot[];
  /** How the keys could be written so that one command may name all of them; undefined where it may already. */
  readonly shared: readonly Buffer[] | undefined;
}

/** Where keys live. The slots are arithmetic; who owns them, a node is asked. */
export async function findKeySlots(session: Session, keys: readonly Buffer[]): Promise<KeySlots> {
  const views = (await readNodes(session)).map(({ view }) => view).filter(isReachable);
  const ownerOf = (slot: number): KeySlot['owner'] => {
    const view = views.find(({ table: { myself } }) => holdsSlot(myself.slots, slot));
    const node = session.spec.nodes.find(({ name }) => name === view?.name);
    if (node === undefined) return undefined;
    return { node: node.name, ...entranceOf(session, node) };
  };
  return {
    keys: keys.map((key) => {
      const slot = keySlot(key);
      return { key, slot, hashTag: hashTag(key), owner: ownerOf(slot) };
    }),
    shared: shareSlot(keys),
  };
}
