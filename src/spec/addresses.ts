import ipaddr from 'ipaddr.js';

/** An IPv4 block in CIDR notation, `172.20.0.0/16`, taken apart. */
export interface Block {
  readonly text: string;
  readonly prefix: number;
  readonly network: string;
  readonly broadcast: string;
  readonly firstHost: string;
}

export function isAddress(text: string): boolean {
  return ipaddr.IPv4.isValidFourPartDecimal(text);
}

/** undefined for anything but four decimals and a prefix. Bits behind the prefix may be set: see `network`. */
export function parseBlock(text: string): Block | undefined {
  if (!ipaddr.IPv4.isValidCIDRFourPartDecimal(text)) return undefined;
  const [address, prefix] = ipaddr.IPv4.parseCIDR(text);
  const network = ipaddr.IPv4.networkAddressFromCIDR(`${address.toString()}/${prefix}`).toString();
  return {
    text,
    prefix,
    network,
    broadcast: ipaddr.IPv4.broadcastAddressFromCIDR(text).toString(),
    firstHost: toAddress(toNumber(network) + 1),
  };
}

export function contains(block: Block, address: string): boolean {
  return ipaddr.IPv4.parse(address).match(ipaddr.IPv4.parse(block.network), block.prefix);
}

export function overlaps(one: Block, other: Block): boolean {
  return contains(one, other.network) || contains(other, one.network);
}

/**
 * The largest part of `block` that holds none of the `fixed` addresses; of two of one size, the higher. The engine gets
 * it for automatic addresses, so that no other container on the network can be given a node's.
 */
export function freePart(block: Block, fixed: readonly string[]): Block | undefined {
  const smallestPrefix = 30;
  for (let prefix = block.prefix + 1; prefix <= smallestPrefix; prefix += 1) {
    const size = 2 ** (32 - prefix);
    const first = toNumber(block.network);
    for (let start = toNumber(block.broadcast) + 1 - size; start >= first; start -= size) {
      const part = parseBlock(`${toAddress(start)}/${prefix}`);
      if (part !== undefined && !fixed.some((address) => contains(part, address))) return part;
      // Past this many blocks of one size the next size is as good, and an absurdly full subnet ends the search.
      if (toNumber(block.broadcast) - start > size * 1024) break;
    }
  }
  return undefined;
}

/** The loopback address of the host that stands for an address of the network: 127.20.0.13 for 172.20.0.13. */
export function loopbackAddress(address: string): string {
  return address.replace(/^\d+/, '127');
}

/** The address behind the highest of these. */
export function nextAddress(addresses: readonly string[]): string {
  return toAddress(Math.max(...addresses.map(toNumber)) + 1);
}

/** An IPv4 address as a number, to count with. */
export function toNumber(address: string): number {
  return ipaddr.IPv4.parse(address).octets.reduce((sum, octet) => sum * 256 + octet, 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}
