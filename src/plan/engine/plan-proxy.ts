import type { Spec } from '../../spec/spec.ts';
import { actionKey, newAction, type Action, type ActionOf } from '../model/action.ts';
import { addressText } from '../model/host-ports.ts';
import { isOwn } from '../model/names.ts';
import type { EntranceSeen, Observed, ProxyInfo, Wanted } from '../model/observed.ts';
import type { HostPort } from '../model/resources.ts';

/** What is wrong then. */
export const NO_PROXY = 'the proxy does not run: clients on this host have no way in';

/** A proxy of the stack that runs, with all of the addresses at which it was found. */
export interface RunningProxy {
  readonly info: ProxyInfo;
  readonly addresses: readonly HostPort[];
}

export function proxiesOf(stack: string, entrances: readonly EntranceSeen[]): RunningProxy[] {
  const found = new Map<number, { info: ProxyInfo; addresses: HostPort[] }>();
  for (const { hostAddress, hostPort, holder } of entrances) {
    if (typeof holder === 'string' || holder.stack !== stack) continue;
    const proxy = found.get(holder.pid) ?? { info: holder, addresses: [] };
    // The last to be asked counts none of those who ask.
    if (holder.connections < proxy.info.connections) proxy.info = holder;
    proxy.addresses.push({ hostAddress, hostPort });
    found.set(holder.pid, proxy);
  }
  return [...found.values()];
}

/** The proxy of the stack that serves what the YAML file says, everywhere where it should. */
export function findProxy(
  { proxy }: Wanted,
  stack: string,
  entrances: readonly EntranceSeen[],
): RunningProxy | undefined {
  return proxiesOf(stack, entrances).find(
    ({ info, addresses }) =>
      info.version === proxy?.version &&
      info.digest === proxy.digest &&
      proxy.addresses.every((wanted) => holds(addresses, wanted)),
  );
}

/**
 * The proxy follows the containers: it listens where the nodes were published before, and leads to where they are now. So it
 * begins when none of them is left at its former ports; one that isn't wanted any more ends before anybody needs its ports.
 *
 * @param now what is planned for the containers in this round, and is done before
 */
export function planProxy(spec: Spec, wanted: Wanted, observed: Observed, now: readonly Action[]): Action[] {
  const { proxy } = wanted;
  const running = proxiesOf(spec.name, observed.entrances);
  const kept = running.find(({ addresses }) => proxy?.addresses.some((one) => holds(addresses, one)));
  const stops = running
    .filter((one) => one !== kept)
    .map((one) => stopProxy(one, proxy === undefined ? `access is ${spec.access}` : 'it listens elsewhere'));
  if (proxy === undefined || findProxy(wanted, spec.name, observed.entrances) !== undefined) return stops;
  // Of a node that is still to leave the cluster, clients are told until it has.
  const isLeaving = kept !== undefined && observed.members.length > 0;
  if (isLeaving || !areAllInPlace(spec, wanted, observed, now)) return stops;
  const after = [...now.filter((action) => isBefore(action, spec)), ...stops].map(actionKey);
  const target = addressText(proxy.addresses);
  if (kept === undefined) return [...stops, newAction('start proxy', target, 'it does not run', {}, { after })];
  const { info, addresses } = kept;
  const process = { pid: info.pid, addresses };
  if (info.version !== proxy.version) {
    const cause = `version ${info.version} instead of ${proxy.version}`;
    return [...stops, newAction('restart proxy', target, cause, process, { after })];
  }
  const type = info.file === proxy.file ? 'reload proxy' : 'restart proxy';
  return [...stops, newAction(type, target, 'what it serves differs from the YAML file', process, { after })];
}

/** What follows when all that is planned for the containers is done, and can't be done before. */
export function planProxyAfter(spec: Spec, wanted: Wanted, observed: Observed, all: readonly Action[]): Action[] {
  const before = new Set(planProxy(spec, wanted, observed, []).map(actionKey));
  return planProxy(spec, wanted, observed, all).filter((action) => !before.has(actionKey(action)));
}

export function stopProxy({ info: { pid }, addresses }: RunningProxy, cause: string): ActionOf<'stop proxy'> {
  return newAction('stop proxy', addressText(addresses), cause, { pid, addresses });
}

/** The same plan, with nobody taking a port before who has it now gives it back. */
export function afterStops(actions: readonly Action[], stops: readonly Action[]): readonly Action[] {
  const keys = stops.filter(({ type }) => type === 'stop proxy').map(actionKey);
  if (keys.length === 0) return actions;
  return actions.map((one) => (one.type === 'start container' ? { ...one, after: [...one.after, ...keys] } : one));
}

/** Beside all else that is made. But others have its ports; and what Vault says of TLS it reads from the containers. */
function isBefore({ type }: Action, { secrets, tls }: Spec): boolean {
  return type === 'remove container' || (type === 'create container' && secrets.provider === 'vault' && tls.isOpen);
}

/** No container that stays is still to change its ports. */
function areAllInPlace({ name }: Spec, { containers }: Wanted, observed: Observed, now: readonly Action[]): boolean {
  const isRemoved = (container: string): boolean =>
    now.some(({ type, target }) => type === 'remove container' && target === container);
  return [...containers.values()].every((definition) => {
    const isThere = observed.containers.some((one) => one.name === definition.name && isOwn(name)(one));
    const ports = observed.settings.get(definition.name)?.ports;
    if (!isThere || ports === undefined || isRemoved(definition.name)) return true;
    return definition.ports.every(({ hostPort }) => ports.some((port) => port.hostPort === hostPort));
  });
}

function holds(addresses: readonly HostPort[], { hostAddress, hostPort }: HostPort): boolean {
  return addresses.some((one) => one.hostAddress === hostAddress && one.hostPort === hostPort);
}
