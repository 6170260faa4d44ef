import { StackError } from '../../errors.ts';
import { CLIENT_PROGRAM, connectionArguments } from '../../plan/model/definitions.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Container } from '../../plan/model/resources.ts';
import { CONTAINER_PORTS } from '../../spec/ports.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';

/** Two hosts, each by its name and its address. */
interface Pair {
  readonly from: string;
  readonly to: string;
}

/**
 * Hosts whose nodes don't get through to another host's, found from inside their containers: any answer will do, also that
 * one has to authenticate.
 */
export async function findBrokenPairs(session: Session, containers: readonly Container[]): Promise<readonly Pair[]> {
  const { engine, spec } = session;
  const running = new Set(containers.filter(({ state }) => state === 'running').map(({ name }) => name));
  const speakers = spec.hosts.flatMap((host) => {
    const node = spec.nodes.find((one) => one.host === host.name && running.has(containerName(spec.name, one.name)));
    return node === undefined ? [] : [{ place: `${host.name} (${host.address})`, node }];
  });
  const pairs = speakers.flatMap((from) => speakers.filter((to) => to !== from).map((to) => ({ from, to })));
  const port = spec.tls.plain ? ['-p', String(CONTAINER_PORTS.plain)] : [];
  const hears = async (node: NodeSpec, { ip }: NodeSpec): Promise<boolean> => {
    const client = ['-h', ip, ...port, ...connectionArguments(spec), 'PING'].join(' ');
    const script = `timeout ${ANSWER_SECONDS} ${CLIENT_PROGRAM} ${client} 2>/dev/null`;
    const answer = await engine.readCommand(containerName(spec.name, node.name), ['sh', '-c', script]).catch(() => '?');
    return answer.trim() !== '';
  };
  const found = await Promise.all(
    pairs.map(async ({ from, to }) => ((await hears(from.node, to.node)) ? [] : [{ from: from.place, to: to.place }])),
  );
  return found.flat();
}

const ANSWER_SECONDS = 3;

export function brokenPairsFailure({ spec }: Session, pairs: readonly Pair[]): StackError {
  const [first, ...others] = pairs.map(({ from, to }) => `host ${from} does not get through to host ${to}`);
  return new StackError('ATTACH_FAILED', {
    message: `on the network ${spec.network.name}, ${first ?? ''}`,
    details: others,
    hint: 'Open 7946/tcp, 7946/udp and 4789/udp between these hosts, both ways, then run the same command again.',
  });
}
