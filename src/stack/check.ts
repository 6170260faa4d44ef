import { findFindings } from '../cluster/findings.ts';
import type { Finding } from '../cluster/finding.ts';
import { expectationOf } from './converge.ts';
import { readNodes, type NodeStatus } from './observe-nodes.ts';
import type { Session } from './session.ts';

export interface Checked {
  readonly nodes: readonly NodeStatus[];
  readonly findings: readonly Finding[];
}

/** Everything that is wrong with the cluster, from one look at each node. Changes nothing. */
export async function checkCluster(session: Session): Promise<Checked> {
  const nodes = await readNodes(session);
  const views = nodes.map(({ view }) => view);
  return { nodes, findings: findFindings(expectationOf(session.spec), views) };
}
