import { isMap, isNode, isScalar, parseDocument, type Pair } from 'yaml';
import { isAddress, nextAddress } from './addresses.ts';
import type { HostPorts } from './ports.ts';
import type { Spec } from './spec.ts';

export interface NewNode {
  readonly name: string;
  /** The one of `hosts` on which it is to run; undefined where there is one engine. */
  readonly host?: string | undefined;
  readonly ip: string;
  readonly ports: HostPorts;
}

/**
 * The YAML text with one more line under `redis.nodes` for each node; everything else stays as its author wrote it.
 * undefined where `redis.nodes` isn't written as one key a line.
 */
export function addNodes(text: string, nodes: readonly NewNode[]): string | undefined {
  const last = nodeLines(text)?.at(-1);
  if (last === undefined) return undefined;
  const indent = /^[ \t]*/.exec(text.slice(last.start))?.[0] ?? '';
  const lines = nodes.map(({ name, host, ip, ports: { plain, tls, bus } }) => {
    const ports = `plain: ${plain}, tls: ${tls}${bus === undefined ? '' : `, bus: ${bus}`}`;
    const place = host === undefined ? '' : `host: ${host}, `;
    return `${indent}${name}: { ${place}ip: ${ip}, ports: { ${ports} } }\n`;
  });
  const before = text.slice(0, last.end);
  return `${before}${before.endsWith('\n') ? '' : '\n'}${lines.join('')}${text.slice(last.end)}`;
}

/** The YAML text without these nodes. undefined where `redis.nodes` isn't written as one key a line. */
export function removeNodes(text: string, names: readonly string[]): string | undefined {
  const lines = nodeLines(text);
  const doomed = lines?.filter(({ name }) => names.includes(name));
  // One that a merge key brings has no line.
  if (doomed === undefined || new Set(doomed.map(({ name }) => name)).size < new Set(names).size) return undefined;
  return doomed.toReversed().reduce((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);
}

interface NodeLines {
  readonly name: string;
  /** Offset of the first character of its first line. */
  readonly start: number;
  /** Offset behind its last line. */
  readonly end: number;
}

function nodeLines(text: string): NodeLines[] | undefined {
  const nodes = parseDocument(text).getIn(['redis', 'nodes']);
  if (!isMap(nodes) || nodes.flow === true || nodes.items.length === 0) return undefined;
  return nodes.items.map((pair) => linesOf(pair, text));
}

function linesOf({ key, value }: Pair, text: string): NodeLines {
  const keyStart = isNode(key) ? (key.range?.[0] ?? 0) : 0;
  const valueEnd = isNode(value) ? (value.range?.[1] ?? keyStart) : keyStart;
  const newline = text.indexOf('\n', Math.max(valueEnd - 1, keyStart));
  return {
    name: isScalar(key) ? String(key.value) : '',
    start: text.lastIndexOf('\n', keyStart) + 1,
    end: newline === -1 ? text.length : newline + 1,
  };
}

/**
 * What nobody named: the address behind the highest one, and for each port that clients need the one behind the highest of
 * its kind.
 */
export function completeNode(
  name: string,
  given: Partial<HostPorts> & { ip?: string; host?: string },
  nodes: readonly Pick<NewNode, 'ip' | 'ports'>[],
  { gateway, announce }: Pick<Spec['network'], 'gateway' | 'announce'>,
): NewNode {
  const taken = new Set([given.bus, ...nodes.flatMap(({ ports }) => Object.values(ports))]);
  const port = (kind: keyof HostPorts): number => {
    let next = given[kind] ?? Math.max(...nodes.map(({ ports }) => ports[kind] ?? 0)) + 1;
    while (given[kind] === undefined && taken.has(next)) next += 1;
    taken.add(next);
    return next;
  };
  const addresses = [gateway, ...nodes.map(({ ip }) => ip)].filter(isAddress);
  return {
    name,
    host: given.host,
    ip: given.ip ?? nextAddress(addresses),
    // Where the others come through its host, they need it there.
    ports: { plain: port('plain'), tls: port('tls'), bus: announce === undefined ? given.bus : port('bus') },
  };
}
