import { hint, run } from '../../hint.ts';
import { overlaps, parseBlock } from '../../spec/addresses.ts';
import type { Conflict } from './conflicts.ts';
import { isOwn, LABELS } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Network, NetworkDefinition } from '../model/resources.ts';

/** A block of addresses that this machine sends somewhere: to its own network, or through a VPN. */
export interface Route {
  /** `10.8.0.0/24` */
  readonly subnet: string;
  /** `eth0`, `tun0`, `br-1f2e3d4c5b6a` */
  readonly interfaceName: string;
}

/**
 * The network would take these addresses from whatever the route leads to: a VPN's servers, the office's printers. The
 * engine asks nothing when it is told a subnet.
 */
export function findRouteConflict(
  stack: string,
  { network }: Wanted,
  { networks }: Observed,
  routes: readonly Route[],
): Conflict | undefined {
  if (isThere(stack, network, networks)) return undefined;
  const own = parseBlock(network.subnet);
  // An engine's network has a route, too, and is called by its name.
  const known = new Set(networks.flatMap(({ subnets }) => subnets.map((subnet) => parseBlock(subnet)?.network)));
  const route = routes.find(({ subnet }) => {
    const other = parseBlock(subnet);
    if (own === undefined || other === undefined || known.has(other.network)) return false;
    // The default route, and the two halves of everything with which a VPN goes before it.
    return other.prefix > 1 && overlaps(own, other);
  });
  if (route === undefined) return undefined;
  const isBridge = /^(br-|docker)/.test(route.interfaceName);
  return {
    code: 'SUBNET_OVERLAP',
    message: `the subnet ${network.subnet} overlaps ${route.subnet}, which this machine reaches through ${route.interfaceName}`,
    hint:
      isBridge && parseBlock(route.subnet)?.network === own?.network
        ? hint`ip link del ${route.interfaceName}   # an engine that was killed has left it; then: ${run('up')}`
        : 'Choose another network.subnet in the YAML file, with the ip of each node in it. What is in use: ip route   # macOS: netstat -rn',
    // A bridge of the engine's without a network: one of them has just come, or is about to go.
    isPassing: isBridge,
  };
}

/** Ours, and as it should be. */
function isThere(stack: string, network: NetworkDefinition, networks: readonly Network[]): boolean {
  const present = networks.find(({ name }) => name === network.name);
  return (
    present !== undefined &&
    isOwn(stack)(present) &&
    present.labels[LABELS.definition] === network.labels[LABELS.definition]
  );
}
