import { list } from '../../cluster/findings/finding.ts';
import { groupBy } from '../../cluster/slots/slot-survey.ts';
import { StackError } from '../../errors.ts';
import { CLIENT_PROGRAM } from '../../plan/model/definitions.ts';
import { asMade } from '../../plan/model/host-ports.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Container } from '../../plan/model/resources.ts';
import { peerKind } from '../../spec/ports.ts';
import type { HostSpec, NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';

/** Ports of nodes on one host that a node on another, or on the same, does not reach. */
interface BrokenPair {
  readonly from: HostSpec;
  readonly to: HostSpec;
  readonly ports: readonly number[];
}

/**
 * Hosts whose nodes don't get through to other nodes, found from inside a container of each: any answer will do, also that of
 * a bus, which takes no command and hangs up. One look may be too early, or come at a busy moment.
 */
export async function findBrokenPairs(session: Session, containers: readonly Container[]): Promise<BrokenPair[]> {
  const isAnyBroken = (await lookForBroken(session, containers)).length > 0;
  return isAnyBroken ? lookForBroken(session, containers) : [];
}

async function lookForBroken(session: Session, containers: readonly Container[]): Promise<BrokenPair[]> {
  const spec = asMade(session.spec, containers);
  const running = new Set(containers.filter(({ state }) => state === 'running').map(({ name }) => name));
  const nodes = spec.nodes.filter(({ name }) => running.has(containerName(spec.name, name)));
  const hostOf = (node: NodeSpec): HostSpec | undefined => spec.hosts.find(({ name }) => name === node.host);
  const found = await Promise.all(
    spec.hosts.map(async (from): Promise<BrokenPair[]> => {
      const speaker = nodes.find((node) => hostOf(node) === from);
      if (speaker === undefined) return [];
      const others = nodes.filter((node) => node !== speaker);
      const places = others.flatMap((node) => {
        const { announced } = node;
        const [to, ip] = [hostOf(node), announced.ip];
        return [announced[peerKind(spec)], announced.busPort].map((port) => ({ to, port, address: `${ip} ${port}` }));
      });
      const reached = await reachedFrom(
        session,
        speaker,
        places.map(({ address }) => address),
      );
      const missed = places.filter(({ address }) => !reached.has(address));
      return groupBy(missed, ({ to }) => to?.name ?? '').flatMap((group) => {
        const to = group[0]?.to;
        return to === undefined ? [] : [{ from, to, ports: group.map(({ port }) => port) }];
      });
    }),
  );
  return found.flat();
}

/**
 * A cluster also forms where one of two nodes doesn't reach the other, and misses that later on.
 *
 * @throws StackError ATTACH_FAILED
 */
export async function requirePairs(session: Session, containers: readonly Container[]): Promise<void> {
  const broken = await findBrokenPairs(session, containers);
  if (broken.length > 0) throw brokenPairsFailure(session, broken);
}

const ANSWER_SECONDS = 3;

/** Those of the addresses, each a host and a port, at which somebody answers. */
async function reachedFrom(
  { engine, spec }: Session,
  { name }: NodeSpec,
  addresses: readonly string[],
): Promise<ReadonlySet<string>> {
  const ask = `timeout ${ANSWER_SECONDS} ${CLIENT_PROGRAM} -h $1 -p $2 PING 2>&1 | grep -qv "Could not connect"`;
  const calls = addresses.map((address) => `ask ${address} &`).join(' ');
  const script = `ask() { ${ask} && echo $1 $2; }; ${calls} wait`;
  // One in which nothing can be run is no sign of a network that doesn't work.
  const answer = await engine.readCommand(containerName(spec.name, name), ['sh', '-c', script]).catch(() => undefined);
  return new Set(answer === undefined ? addresses : answer.split('\n').map((line) => line.trim()));
}

export function brokenPairsFailure({ spec }: Session, pairs: readonly BrokenPair[]): StackError {
  const isAnnounced = spec.network.announce !== undefined;
  const [first = '', ...others] = pairs.map(({ from, to, ports }) => {
    const target = from === to ? 'itself' : `host ${to.name} (${to.address})`;
    const at = isAnnounced ? ` at ${list(ports.map(String))}` : '';
    return `host ${from.name} (${from.address}) does not get through to ${target}${at}`;
  });
  return new StackError('ATTACH_FAILED', {
    message: isAnnounced ? first : `on the network ${spec.network.name}, ${first}`,
    details: others,
    hint: isAnnounced
      ? 'Open these ports between the hosts, both ways, and to the containers of the same host; then run the same command again.'
      : 'Open 7946/tcp, 7946/udp and 4789/udp between these hosts, both ways, then run the same command again.',
  });
}
