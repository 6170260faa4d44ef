import type { SlotRange } from '../slots/slots.ts';

/** One line of CLUSTER NODES, which is also the format of nodes.conf. */
export interface NodeRow {
  /** 40 hexadecimal digits. */
  readonly id: string;
  /** Empty where the node has no known address. */
  readonly ip: string;
  readonly port: number;
  readonly busPort: number;
  /** Which it announces beside its address, as Redis 7.0 and later can; empty where it announces none. */
  readonly hostname: string;
  /** In Redis's own words: myself, master, slave, fail?, fail, handshake, noaddr, nofailover, noflags. */
  readonly flags: ReadonlySet<string>;
  readonly role: 'primary' | 'replica';
  /** For a replica: the id of its primary. */
  readonly primaryId: string | undefined;
  readonly configEpoch: number;
  readonly connected: boolean;
  readonly slots: readonly SlotRange[];
  /** Slots on the move: `[slot->-id]` and `[slot-<-id]`. */
  readonly openSlots: readonly OpenSlot[];
}

export interface OpenSlot {
  readonly slot: number;
  readonly direction: 'migrating' | 'importing';
  readonly nodeId: string;
}

/** What one node says of the cluster: `rows` holds its own row too. */
export interface NodeTable {
  readonly myself: NodeRow;
  readonly rows: readonly NodeRow[];
}

/**
 * Reads CLUSTER NODES or nodes.conf, of Redis 6.2 and later (which appends `,hostname` and `,shard-id=…` to addresses).
 *
 * @throws Error when the text has no row of the node itself.
 */
export function parseNodeTable(text: string): NodeTable {
  const rows = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('vars '))
    .map(parseRow);
  const myself = rows.find(({ flags }) => flags.has('myself'));
  if (myself === undefined) throw new Error('a node table without the node itself');
  return { myself, rows };
}

function parseRow(line: string): NodeRow {
  const [id = '', address = '', flagText = '', primaryId = '-', , , epoch = '0', link = '', ...slotTexts] =
    line.split(/\s+/);
  const flags = new Set(flagText.split(','));
  const ranges = slotTexts.filter((slot) => !slot.startsWith('['));
  return {
    id,
    ...parseAddress(address),
    flags,
    role: flags.has('slave') ? 'replica' : 'primary',
    primaryId: primaryId === '-' ? undefined : primaryId,
    configEpoch: Number(epoch),
    connected: link === 'connected',
    slots: ranges.map(parseRange),
    openSlots: slotTexts.filter((slot) => slot.startsWith('[')).map(parseOpenSlot),
  };
}

/** `172.20.0.13:6379@16379,hostname,shard-id=…`; the host may be empty, or an IPv6 address. */
function parseAddress(text: string): Pick<NodeRow, 'ip' | 'port' | 'busPort' | 'hostname'> {
  const [endpoint = '', hostname = ''] = text.split(',');
  const match = /^(.*):(\d+)(?:@(\d+))?$/.exec(endpoint);
  return { ip: match?.[1] ?? '', port: Number(match?.[2] ?? 0), busPort: Number(match?.[3] ?? 0), hostname };
}

/** Where the other nodes reach a node: no two nodes have the same. Empty where it has no known address. */
export function busAddress({ ip, busPort }: Pick<NodeRow, 'ip' | 'busPort'>): string {
  return ip === '' ? '' : `${ip}:${busPort}`;
}

function parseRange(text: string): SlotRange {
  const [start = '', end = start] = text.split('-');
  return { start: Number(start), end: Number(end) };
}

function parseOpenSlot(text: string): OpenSlot {
  const match = /^\[(\d+)-([<>])-(\w+)\]$/.exec(text);
  return {
    slot: Number(match?.[1] ?? Number.NaN),
    direction: match?.[2] === '<' ? 'importing' : 'migrating',
    nodeId: match?.[3] ?? '',
  };
}

/**
 * Slot → owner's id, as text that two nodes share exactly when they agree on every slot.
 * Example: `0-5460 <id>\n5461-10922 <id>\n…`.
 */
export function slotMapText(table: NodeTable): string {
  return table.rows
    .flatMap(({ id, slots }) => slots.map((range) => ({ ...range, id })))
    .toSorted((one, other) => one.start - other.start)
    .map(({ start, end, id }) => `${start}-${end} ${id}`)
    .join('\n');
}
