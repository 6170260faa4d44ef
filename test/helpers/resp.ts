/** As much of the Redis protocol (RESP 2 and 3) as somebody in the middle needs. */

/** A command as a client sends it. */
export interface RawCommand {
  readonly words: readonly Buffer[];
  readonly bytes: Buffer;
}

/** Takes whole messages out of bytes as they come. @param endOf where the message that begins at an offset ends; -1: not yet */
export function newSplitter(endOf: (bytes: Buffer, start: number) => number): {
  readonly take: (chunk: Buffer) => readonly Buffer[];
} {
  let unread: Buffer = Buffer.alloc(0);
  return {
    take: (chunk) => {
      unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
      const messages: Buffer[] = [];
      let start = 0;
      for (let end = endOf(unread, start); end !== -1; end = endOf(unread, start)) {
        messages.push(unread.subarray(start, end));
        start = end;
      }
      unread = unread.subarray(start);
      return messages;
    },
  };
}

/** Where the reply or command ends that begins at `start`; -1 where some of it is still to come. */
export function endOfMessage(bytes: Buffer, start: number): number {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (start >= bytes.length || lineEnd === -1) return -1;
  const type = String.fromCharCode(bytes[start] ?? 0);
  const after = lineEnd + 2;
  const count = Number(bytes.toString('latin1', start + 1, lineEnd));
  if ('$=!'.includes(type)) {
    const end = count < 0 ? after : after + count + 2;
    return end > bytes.length ? -1 : end;
  }
  const parts = '*~>'.includes(type) ? count : type === '%' ? count * 2 : 0;
  let end = after;
  for (let part = 0; part < parts && end !== -1; part += 1) end = endOfMessage(bytes, end);
  return end;
}

/** The words of a command, which clients send as a list of bulk strings. */
export function parseCommand(bytes: Buffer): RawCommand {
  const words: Buffer[] = [];
  let offset = bytes.indexOf('\r\n') + 2;
  while (offset < bytes.length) {
    const lineEnd = bytes.indexOf('\r\n', offset);
    const length = Number(bytes.toString('latin1', offset + 1, lineEnd));
    words.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length));
    offset = lineEnd + 2 + length + 2;
  }
  return { words, bytes };
}

const READS = new Set(
  `ASKING AUTH CLIENT COMMAND DBSIZE DUMP ECHO EXISTS GET HELLO INFO KEYS LASTSAVE MEMORY MGET OBJECT PEXPIRETIME PING
   PTTL QUIT READONLY READWRITE ROLE SCAN SELECT STRLEN TIME TTL TYPE WAIT XINFO`.split(/\s+/),
);
const READS_BELOW: Readonly<Record<string, RegExp>> = {
  ACL: /^(CAT|GETUSER|LIST|USERS|WHOAMI)$/,
  CLUSTER: /^(NODES|INFO|SLOTS|SHARDS|LINKS|MY\w+|KEYSLOT|COUNT.*|GETKEYSINSLOT|REPLICAS|SLAVES)$/,
  CONFIG: /^GET$/,
  DEBUG: /^DIGEST-VALUE$/,
  FUNCTION: /^(DUMP|LIST|STATS)$/,
};

/** What isn't known to be a read counts as a change. */
export function isRead(words: readonly Buffer[]): boolean {
  const [name = '', below = ''] = words.slice(0, 2).map((word) => word.toString('latin1').toUpperCase());
  return READS.has(name) || (READS_BELOW[name]?.test(below) ?? false);
}

/** Its name without what may be a secret or a key. */
export function commandText(words: readonly Buffer[]): string {
  const [name = '', ...others] = words.map((word) => word.toString('latin1'));
  const shown = { CLUSTER: name === 'CLUSTER' && others[0] === 'SETSLOT' ? 3 : 1, CONFIG: 2, ACL: 2 }[name] ?? 0;
  return [name, ...others.slice(0, shown)].join(' ');
}
