import type { Addressed } from './command.ts';
import { TYPE } from './scanner.ts';
import { pairsOf, parseValue, type Value } from './values.ts';

/** Where this client reaches a node: the ports by what is spoken there. */
export interface Place {
  readonly host: string;
  readonly plain?: number | undefined;
  readonly tls?: number | undefined;
}

/** How one client sees the nodes. */
export interface Outlook {
  readonly kind: 'plain' | 'tls';
  /** Undefined: that is no node's address, or none of this cluster. */
  readonly placeOf: (host: string, port: number) => Place | undefined;
}

/** What a reply is rewritten to; the same bytes where it names no known node, undefined where it isn't such a reply. */
type Rewrite = (bytes: Buffer, outlook: Outlook) => Buffer | undefined;

interface Edit {
  readonly value: Value;
  readonly text: string;
}

/** `-MOVED 3999 172.20.0.13:6379`. Redis writes an IPv6 address as it is, without brackets. */
export const rewriteRedirection: Rewrite = (bytes, outlook) => {
  const [, before, host = '', port] = /^(-(?:MOVED|ASK) \d+ )(\S*):(\d+)\r?\n$/.exec(bytes.toString('latin1')) ?? [];
  if (before === undefined) return undefined;
  const address = addressOf(outlook, host, Number(port));
  return address === undefined ? bytes : Buffer.from(`${before}${address}\r\n`, 'latin1');
};

/** Each by what it rewrites. */
export const REWRITES: Readonly<Record<Addressed, Rewrite>> = {
  slots: rewriteLists(slotRangeEdits),
  shards: rewriteLists(shardEdits),
  replicas: rewriteLists((line, outlook) => {
    const text = isString(line) ? rewriteLines(line.text, outlook) : undefined;
    return text === undefined ? undefined : [{ value: line, text }];
  }),
  nodes: (bytes, outlook) => {
    const value = parseValue(bytes);
    if (value === undefined || !isString(value)) return undefined;
    const text = rewriteLines(value.text, outlook);
    return text === undefined ? undefined : edited(bytes, [{ value, text }]);
  },
};

function rewriteLists(editsOf: (item: Value, outlook: Outlook) => readonly Edit[] | undefined): Rewrite {
  return (bytes, outlook) => {
    const value = parseValue(bytes);
    // A list, or a set.
    if (value === undefined || (value.type !== TYPE.list && value.type !== TYPE.set)) return undefined;
    const edits: Edit[] = [];
    for (const item of value.items) {
      const more = editsOf(item, outlook);
      if (more === undefined) return undefined;
      edits.push(...more);
    }
    return edited(bytes, edits);
  };
}

/** `[first, last, [host, port, id, metadata], …]`. The metadata has the address where the host is a name, or not to be known. */
function slotRangeEdits({ items }: Value, outlook: Outlook): Edit[] | undefined {
  const [first, last, ...nodes] = items;
  if (first?.type !== TYPE.integer || last?.type !== TYPE.integer) return undefined;
  const edits: Edit[] = [];
  for (const { items: node } of nodes) {
    const [host, port, , metadata] = node;
    if (host === undefined || port?.type !== TYPE.integer) return undefined;
    const ip = metadata && pairsOf(metadata).get('ip');
    const place = firstPlace(outlook, [host, ip], Number(port.text));
    const own = place?.[outlook.kind];
    if (place === undefined || own === undefined) continue;
    edits.push({ value: host, text: place.host }, { value: port, text: String(own) });
    if (ip !== undefined) edits.push({ value: ip, text: place.host });
  }
  return edits;
}

/** `{slots: […], nodes: [{id, port, tls-port, ip, endpoint, …}, …]}`: both ports, whatever the client speaks. */
function shardEdits(shard: Value, outlook: Outlook): Edit[] | undefined {
  const nodes = pairsOf(shard).get('nodes');
  if (nodes === undefined) return undefined;
  const edits: Edit[] = [];
  for (const node of nodes.items) {
    const facts = pairsOf(node);
    const [ip, endpoint, plain, tls] = ['ip', 'endpoint', 'port', 'tls-port'].map((name) => facts.get(name));
    if (ip === undefined && endpoint === undefined) return undefined;
    const place = [plain, tls]
      .map((port) => port && firstPlace(outlook, [ip, endpoint], Number(port.text)))
      .find((one) => one !== undefined);
    if (place === undefined) continue;
    for (const value of [ip, endpoint]) if (value !== undefined) edits.push({ value, text: place.host });
    if (plain !== undefined && place.plain !== undefined) edits.push({ value: plain, text: String(place.plain) });
    if (tls !== undefined && place.tls !== undefined) edits.push({ value: tls, text: String(place.tls) });
  }
  return edits;
}

function firstPlace({ placeOf }: Outlook, hosts: readonly (Value | undefined)[], port: number): Place | undefined {
  for (const host of hosts) {
    const place = host === undefined ? undefined : placeOf(host.text, port);
    if (place !== undefined) return place;
  }
  return undefined;
}

/** A line of CLUSTER NODES: `<id> <ip>:<port>@<bus port>[,<hostname>…] <flags> …`; a verbatim string has `txt:` before them. */
const NODE_LINE = /^((?:txt:)?[0-9a-f]{40} )(\S*):(\d+)(?=@\d+\S* \S+ )/;

function rewriteLines(text: string, outlook: Outlook): string | undefined {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [found, before = '', host = '', port] = NODE_LINE.exec(line) ?? [];
    if (found === undefined && line !== '') return undefined;
    const address = found === undefined ? undefined : addressOf(outlook, host, Number(port));
    lines.push(address === undefined ? line : `${before}${address}${line.slice(found?.length)}`);
  }
  return lines.join('\n');
}

function addressOf({ placeOf, kind }: Outlook, host: string, port: number): string | undefined {
  const place = placeOf(host, port);
  const own = place?.[kind];
  return place === undefined || own === undefined ? undefined : `${place.host}:${own}`;
}

function isString({ type }: Value): boolean {
  return type === TYPE.bulkString || type === TYPE.verbatimString;
}

/** All else stays byte for byte. Edits are in the order of the bytes where their values are. */
function edited(bytes: Buffer, edits: readonly Edit[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { value, text } of edits.toSorted((one, other) => one.value.start - other.value.start)) {
    if (text === value.text) continue;
    parts.push(bytes.subarray(from, value.start), Buffer.from(written(value, text), 'latin1'));
    from = value.end;
  }
  return from === 0 ? bytes : Buffer.concat([...parts, bytes.subarray(from)]);
}

function written({ type }: Value, text: string): string {
  if (type === TYPE.integer) return `:${text}\r\n`;
  // Null, where the node doesn't say its address, becomes a string.
  const sign = type === TYPE.verbatimString ? '=' : '$';
  return `${sign}${text.length}\r\n${text}\r\n`;
}
