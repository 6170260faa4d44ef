import { parseQuoted, showBytes } from '../../../cluster/keys/quoted.ts';
import { StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import type { Command } from '../../core/command.ts';

export const clusterKeyslot: Command = {
  name: 'cluster keyslot',
  operands: '<keys...>',
  summary: 'the slot of each key, its hash tag, and the node that owns it',
  options: { '--quoted-input': 'read keys in double quotes with \\xHH, \\n, … as redis-cli does' },
  run: async ({ openSession, operands, options }) => {
    const keys = operands.map((text) => parseKey(text, options['quotedInput'] === true));
    const session = await openSession();
    const { findKeySlots } = await import('../../../stack/commands/cluster/key-slots.ts');
    const { keys: found, shared } = await findKeySlots(session, keys);
    return {
      data: {
        keys: found.map(({ key, slot, hashTag, owner }) => ({
          key: showBytes(key),
          slot,
          hashTag: hashTag === undefined ? null : showBytes(hashTag),
          owner: owner ?? null,
        })),
        crossSlot: shared !== undefined,
        sharedSlotKeys: shared?.map(showBytes) ?? null,
      },
      show: async ({ table, line }) => {
        const rows = found.map(({ key, slot, hashTag, owner }) => [
          showBytes(key),
          String(slot),
          hashTag === undefined ? '' : showBytes(hashTag),
          owner?.node ?? 'nobody says',
          owner === undefined ? '' : `${owner.host}:${owner.port}`,
        ]);
        await table(['key', 'slot', 'hash tag', 'owner', 'from this host'], rows);
        if (keys.length < 2) return;
        if (shared === undefined) line('\nThey share a slot: one command may name all of them.');
        else {
          line('\nOne command that names all of them gets CROSSSLOT. With a hash tag they share a slot:');
          line(`  ${shared.map(showBytes).join(' ')}`);
        }
      },
    };
  },
};

function parseKey(text: string, isQuoted: boolean): Buffer {
  const key = isQuoted ? parseQuoted(text) : Buffer.from(text, 'utf8');
  if (key !== undefined) return key;
  throw new StackError('USAGE', {
    message: `the quotes of ${text} don't fit`,
    hint: run('cluster keyslot --quoted-input \'"a\\x00b"\''),
  });
}
