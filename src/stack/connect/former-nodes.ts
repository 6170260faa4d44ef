import { LABELS } from '../../plan/model/names.ts';
import { leftovers } from '../../plan/engine/plan-up.ts';
import type { Container } from '../../plan/model/resources.ts';
import { CONTAINER_PORTS, type NodeSpec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';

/** Nodes that run and left the YAML file, with what their containers tell of them. */
export async function findFormerNodes({ engine, spec }: Session): Promise<NodeSpec[]> {
  const containers = leftovers(spec, await engine.listContainers());
  return containers
    .filter(({ state }) => state === 'running')
    .map((container) => ({
      name: container.labels[LABELS.node] ?? container.name,
      ip: Object.values(container.addresses)[0] ?? '',
      ports: {
        plain: hostPort(container, CONTAINER_PORTS.plain),
        tls: hostPort(container, CONTAINER_PORTS.tls),
        bus: hostPort(container, CONTAINER_PORTS.bus),
      },
      initialRole: 'replica',
      initialPrimary: undefined,
    }));
}

/** A session in which nodes that are still of the cluster are named like those of the YAML file. */
export function withNodes(session: Session, more: readonly NodeSpec[]): Session {
  return { ...session, spec: { ...session.spec, nodes: [...session.spec.nodes, ...more] } };
}

/** 0 where it isn't published. */
function hostPort({ ports }: Container, containerPort: number): number {
  return ports.find((port) => port.containerPort === containerPort)?.hostPort ?? 0;
}
