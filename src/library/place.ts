import { randomInt } from 'node:crypto';
import type { Engine } from '../engine/engine.ts';
import { StackError } from '../errors.ts';
import { listRoutes } from '../host/routes.ts';
import type { Network } from '../plan/model/resources.ts';
import { parseBlock, toAddress, toNumber, type Block } from '../spec/addresses.ts';
import { isLocal } from '../stack/connect/host-address.ts';
import { isTaken } from '../stack/observe/obstacles.ts';
import type { Place } from './options.ts';

/** Free ports and a free subnet, as far as can be seen. Somebody may be quicker: whoever makes something of it is told so. */
export async function findPlace(engine: Engine, portCount: number): Promise<Place> {
  const [networks, routes, ports] = await Promise.all([
    engine.listNetworks(),
    isLocal(engine.endpoint) ? listRoutes() : [],
    findPorts(portCount),
  ]);
  return { prefix: freePrefix(networks, routes, (count) => randomInt(count)), ports };
}

/** Below where Linux takes ports for outgoing connections from, and above the ones that people know by heart. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_767;

/** At random, so that two processes seldom ask for the same. */
async function findPorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  for (let tries = 0; found.size < count; tries += 1) {
    if (tries > MOST_TRIES) {
      throw new StackError('PORT_TAKEN', {
        message: `no ${count} free ports of this host between ${FIRST_PORT} and ${LAST_PORT}`,
        hint: 'ss -tln   # who listens there; free some of them',
      });
    }
    const candidates = Array.from({ length: count - found.size }, () => randomInt(FIRST_PORT, LAST_PORT + 1));
    const free = await Promise.all(candidates.map(async (port) => ((await isTaken('127.0.0.1', port)) ? [] : [port])));
    for (const port of free.flat()) found.add(port);
  }
  return [...found];
}

/** Each is of so many ports as are still to be found. */
const MOST_TRIES = 1000;

/** In the order in which they are looked through. */
const RANGES = ['10.64.0.0/10', '10.128.0.0/9', '10.0.0.0/10', '172.16.0.0/12'];
/** That of the usual stack. */
const USUAL = '172.20.0.0/16';
const SIZE = 256;

/**
 * Three numbers of a subnet `/24` that overlaps no network of the engine and no route of this machine.
 *
 * @param random a number from 0 up to, and without, what it is given
 * @throws StackError SUBNET_OVERLAP with the networks that hold all of them
 */
export function freePrefix(
  networks: readonly Pick<Network, 'name' | 'subnets'>[],
  routes: readonly { readonly subnet: string; readonly interfaceName: string }[],
  random: (count: number) => number,
): string {
  const held = [
    ...networks.flatMap(({ name, subnets }) => subnets.map((subnet) => ({ subnet, holder: `the network ${name}` }))),
    ...routes.map(({ subnet, interfaceName }) => ({ subnet, holder: `a route through ${interfaceName}` })),
  ].flatMap(({ subnet, holder }) => {
    const block = parseBlock(subnet);
    // The default route, and its two halves.
    return block === undefined || block.prefix < 2 ? [] : [{ block, holder }];
  });
  const taken = [...held.map(({ block }) => extentOf(block)), ...[USUAL].flatMap(extentsOf)];
  for (const [first, last] of RANGES.flatMap(extentsOf)) {
    const count = (last + 1 - first) / SIZE;
    const start = random(count);
    for (let step = 0; step < count; step += 1) {
      const at = first + ((start + step) % count) * SIZE;
      if (!taken.some(([from, to]) => from < at + SIZE && to >= at)) return toAddress(at).replace(/\.0$/, '');
    }
  }
  const largest = held.toSorted((one, other) => one.block.prefix - other.block.prefix).slice(0, 10);
  throw new StackError('SUBNET_OVERLAP', {
    message: 'no free subnet: all of 10.0.0.0/8 and 172.16.0.0/12 is taken',
    details: largest.map(({ block, holder }) => `${block.text} is held by ${holder}`),
    hint: 'docker network prune   # removes the networks that no container uses',
  });
}

type Extent = readonly [first: number, last: number];

function extentOf({ network, broadcast }: Block): Extent {
  return [toNumber(network), toNumber(broadcast)];
}

function extentsOf(text: string): Extent[] {
  const block = parseBlock(text);
  return block === undefined ? [] : [extentOf(block)];
}
