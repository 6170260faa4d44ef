import { formatRanges } from '../cluster/slots.ts';
import { containerName, isOwn } from '../plan/names.ts';
import { findUnserved, nextRollStep } from '../plan/plan-roll.ts';
import type { NodeLink } from '../redis/node-link.ts';
import type { Secret } from '../secret.ts';
import { CONTAINER_PORTS, type NodeSpec } from '../spec/spec.ts';
import { converge } from './converge.ts';
import { failover } from './failover.ts';
import { withNodes } from './former-nodes.ts';
import { linkNodes } from './links.ts';
import type { Session } from './session.ts';

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
    const views = await Promise.all(links.map((link) => link.observe()));
    const first = nextRollStep(views, waiting);
    if (first === undefined || first.nodes.some((name) => views.some((view) => view.name === name && !view.reachable)))
      return first?.nodes ?? [];
    const { views: whole } = await converge(published, links, { former, onceReachable: () => settle(links) });
    const step = nextRollStep(whole, waiting);
    if (step === undefined) return [];
    const [name = ''] = step.nodes;
    if (step.heir === undefined) warnOfUnserved(session, findUnserved(whole, step.nodes));
    else {
      session.report({ subject: name, state: 'running', text: `hands over to ${step.heir}` });
      await failover(published, step.heir, 'manual');
      session.report({ subject: name, state: 'done', text: `handed over to ${step.heir}` });
    }
    return step.nodes;
  } finally {
    for (const link of links) link.close();
  }
}

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
    return { ...node, ip: present.addresses[spec.network.name] || node.ip, ports };
  });
  return { ...session, spec: { ...spec, nodes } };
}
