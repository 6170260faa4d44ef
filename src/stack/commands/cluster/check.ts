import type { Finding } from '../../../cluster/findings/finding.ts';
import { findFindings } from '../../../cluster/findings/findings.ts';
import { pause } from '../../../pause.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { readNodes, type NodeStatus } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

export interface Checked {
  readonly nodes: readonly NodeStatus[];
  readonly findings: readonly Finding[];
}

/** Everything that is wrong with the cluster, as a rule from one look at each node. Changes nothing. */
export async function checkCluster(session: Session): Promise<Checked> {
  const until = Date.now() + PASSING_MS;
  for (;;) {
    const nodes = await readNodes(session);
    const views = nodes.map(({ view }) => view);
    const findings = findFindings(expectationOf(session.spec), views);
    const arePassing = findings.length > 0 && findings.every(({ kind }) => kind === 'same epoch');
    if (!arePassing || Date.now() > until) return { nodes, findings };
    await pause(LOOK_AGAIN_MS, session.signal);
  }
}

/** Primaries that began at the same time may have the same epoch until the next ping between them. */
const PASSING_MS = 3000;
const LOOK_AGAIN_MS = 100;
