import { formatRanges } from '../../cluster/slots/slots.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { findUnserved, nextRollStep } from '../../plan/cluster/plan-roll.ts';
import { pause } from '../../pause.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import { CONTAINER_PORTS, type NodeSpec } from '../../spec/spec.ts';
import { converge } from './converge.ts';
import { failover } from '../execute/failover.ts';
import { withNodes } from '../connect/former-nodes.ts';
import { linkNodes } from '../connect/links.ts';
import type { Session } from '../session/session.ts';

export interface DisruptionOptions {
  readonly password: Secret | undefined;
  /** Nodes that left the YAML file, and are still of the cluster. */
  readonly former?: readonly NodeSpec[];
  /** Done when all nodes answer. */
  readonly settle?: (links: readonly NodeLink[]) => Promise<void>;
}

/**
 * Which of the nodes `waiting` may be stopped now, with nobody noticing where there are replicas: the cluster is whole, and
 * whoever is named is a replica, or has none. A primary that has replicas hands over to one of them before.
 *
 * @returns one node; or all that don't answer anyway
 * @throws StackError WAIT_TIMEOUT when the cluster does not become whole: nothing more is stopped then
 */
export async function nextDisruption(
  session: Session,
  waiting: readonly string[],
  { password, former = [], settle = async () => undefined }: DisruptionOptions,
): Promise<readonly string[]> {
  const published = await asPublished(session);
  const links = await linkNodes(withNodes(published, former), password);
  try {
    const silent = await findSilent(session, links, waiting);
    if (silent.length > 0) return silent;
    const { views } = await converge(published, links, { former, onceReachable: () => settle(links) });
    // Who is to leave the cluster takes over from nobody.
    const whole = views.filter(({ name }) => session.spec.nodes.some((node) => node.name === name));
    const step = nextRollStep(whole, waiting);
    if (step === undefined) return [];
    const name = step.node;
    if (step.heir === undefined) warnOfUnserved(session, findUnserved(whole, [name]));
    else {
      session.report({ subject: name, state: 'running', text: `hands over to ${step.heir}` });
      await failover(published, step.heir, 'manual');
      session.report({ subject: name, state: 'done', text: `handed over to ${step.heir}` });
    }
    return [name];
  } finally {
    for (const link of links) link.close();
  }
}

/** Nodes that don't answer: not in this moment, in which a healthy one may be busy, but for as long as others would wait. */
async function findSilent(
  { signal }: Session,
  links: readonly NodeLink[],
  waiting: readonly string[],
): Promise<readonly string[]> {
  const asked = links.filter(({ name }) => waiting.includes(name));
  for (let look = 1; ; look += 1) {
    const views = await Promise.all(asked.map((link) => link.observe()));
    const silent = views.filter(({ reachable }) => !reachable).map(({ name }) => name);
    if (silent.length === 0 || look === LOOKS) return silent;
    await pause(LOOK_AGAIN_MS, signal);
  }
}

const LOOKS = 4;
const LOOK_AGAIN_MS = 1000;

function warnOfUnserved({ report }: Session, views: ReturnType<typeof findUnserved>): void {
  for (const { name, table } of views) {
    const slots = formatRanges(table.myself.slots);
    report({ subject: name, state: 'warning', text: `has no replica: slots ${slots} are not served until it is back` });
  }
}

/** The nodes at the addresses and ports that they have now, which the YAML file may have changed. */
export async function asPublished(session: Session): Promise<Session> {
  const { engine, spec } = session;
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  const nodes = spec.nodes.map((node): NodeSpec => {
    const present = containers.find(({ name }) => name === containerName(spec.name, node.name));
    if (present?.state !== 'running') return node;
    const portOf = (kind: keyof typeof CONTAINER_PORTS): number =>
      present.ports.find(({ containerPort }) => containerPort === CONTAINER_PORTS[kind])?.hostPort ?? node.ports[kind];
    const ports = { plain: portOf('plain'), tls: portOf('tls'), bus: portOf('bus') };
    const host = present.ports.find(({ hostAddress }) => hostAddress !== '')?.hostAddress;
    return {
      ...node,
      ip: present.addresses[spec.network.name] || node.ip,
      ports,
      ...(host === undefined ? {} : { host }),
    };
  });
  return { ...session, spec: { ...spec, nodes } };
}
