import { parseInfo } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import type { Action } from '../../plan/model/actions.ts';
import { isOwn } from '../../plan/model/names.ts';
import type { Observed } from '../../plan/model/observed.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import type { Container } from '../../plan/model/resources.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import { CONTAINER_PORTS, type NodeSpec } from '../../spec/spec.ts';
import { holdsNothing } from '../observe/data-folder.ts';
import { linkNodes } from '../connect/links.ts';
import type { Session } from '../session/session.ts';

/** A node that may have its keys where its next configuration does not read them. */
export interface Subject {
  readonly node: NodeSpec;
  readonly container: Container;
}

/** The nodes with keys whose configuration is about to change. */
export function findSubjects(
  { spec }: Session,
  wanted: Wanted,
  observed: Pick<Observed, 'containers' | 'data'>,
  actions: readonly Action[],
): Subject[] {
  const own = observed.containers.filter(isOwn(spec.name));
  const isConcerned = ({ name }: Container): boolean =>
    actions.some(({ type, target }) => target === name && /^(stop|configure) container$/.test(type));
  return spec.nodes.flatMap((node): Subject[] => {
    const container = own.find(({ name }) => name === wanted.containers.get(node.name)?.name);
    if (container === undefined || !isConcerned(container)) return [];
    // One that was never started has written nothing; what its volume held before is seen to when it is configured.
    if (container.state === 'created' || holdsNothing(observed.data.get(node.name))) return [];
    return [{ node, container }];
  });
}

/** Through the ports that its container has, which the YAML file may have changed. */
export async function linkIfAnswering(
  session: Session,
  subject: Subject,
  password: Secret,
): Promise<NodeLink | undefined> {
  const { spec } = session;
  const { node, container } = subject;
  const hostPort = (wanted: number): number | undefined =>
    container.ports.find(({ containerPort }) => containerPort === wanted)?.hostPort;
  const [plain, tls] = [hostPort(CONTAINER_PORTS.plain), hostPort(CONTAINER_PORTS.tls)];
  const ports = { ...node.ports, plain: plain ?? 0, tls: tls ?? 0 };
  const ofNode = { ...spec, tls: { ...spec.tls, plain: plain !== undefined }, nodes: [{ ...node, ports }] };
  const links = async (replyTimeoutMs?: number): Promise<NodeLink | undefined> =>
    (await linkNodes({ ...session, spec: ofNode }, password, replyTimeoutMs))[0];
  let probe: NodeLink | undefined;
  try {
    probe = await links();
    const info = await probe?.send('INFO', 'persistence');
    // What it hasn't read yet, it would not write either.
    if (parseInfo(String(info)).get('loading') !== '0') return undefined;
    // Forking a large node takes longer than anybody waits for a look.
    return await links(session.timeoutMs);
  } catch (error) {
    // Whatever is wrong with it, a password of nobody's included, may be what its container is replaced for.
    if (error instanceof StackError) return undefined;
    throw error;
  } finally {
    probe?.close();
  }
}
