import type { Finding } from '../../../cluster/findings/finding.ts';
import { findFindings } from '../../../cluster/findings/findings.ts';
import type { NodeView } from '../../../cluster/nodes/view.ts';
import { poll } from '../../../poll.ts';
import { expectationOf, findingsOf } from '../../../plan/cluster/expectation.ts';
import { readNodes, type NodeStatus } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

interface Checked {
  readonly nodes: readonly NodeStatus[];
  readonly findings: readonly Finding[];
}

/** Everything that is wrong with the cluster, as a rule from one look at each node. Changes nothing. */
export async function checkCluster(session: Session): Promise<Checked> {
  const viewsOf = (nodes: readonly NodeStatus[]): NodeView[] => nodes.map(({ view }) => view);
  const nodes = await lookUntilLasting(session, () => readNodes(session), viewsOf);
  return { nodes, findings: findingsOf(session.spec, viewsOf(nodes)) };
}

/** Looks once, and for a while again where all that is found passes by itself. */
export async function lookUntilLasting<T>(
  session: Session,
  look: () => Promise<T>,
  viewsOf: (seen: T) => readonly NodeView[],
): Promise<T> {
  // Primaries that began at the same time may have the same epoch until the next ping between them, and a bus link that
  // was lost is made again within a tenth of a second.
  const passes = ({ kind, mend }: Finding): boolean => kind === 'same epoch' || mend === 'cluster wait';
  const isLasting = (seen: T): boolean => {
    const findings = findFindings(expectationOf(session.spec), viewsOf(seen));
    return findings.length === 0 || !findings.every(passes);
  };
  // Where one look alone takes that long, another one follows all the same.
  const first = await look();
  if (isLasting(first)) return first;
  return poll(look, isLasting, { ...session, timeoutMs: PASSING_MS, pace: { min: 100 } });
}

const PASSING_MS = 5000;
