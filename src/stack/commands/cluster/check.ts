import type { Finding } from '../../../cluster/findings/finding.ts';
import { findFindings } from '../../../cluster/findings/findings.ts';
import { poll } from '../../../poll.ts';
import { expectationOf } from '../../../plan/cluster/expectation.ts';
import { readNodes, type NodeStatus } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

interface Checked {
  readonly nodes: readonly NodeStatus[];
  readonly findings: readonly Finding[];
}

/** Everything that is wrong with the cluster, as a rule from one look at each node. Changes nothing. */
export function checkCluster(session: Session): Promise<Checked> {
  const look = async (): Promise<Checked> => {
    const nodes = await readNodes(session);
    return {
      nodes,
      findings: findFindings(
        expectationOf(session.spec),
        nodes.map(({ view }) => view),
      ),
    };
  };
  // Primaries that began at the same time may have the same epoch until the next ping between them, and a bus link that
  // was lost is made again within a tenth of a second.
  const passes = ({ kind, mend }: Finding): boolean => kind === 'same epoch' || mend === 'cluster wait';
  const isLasting = ({ findings }: Checked): boolean => findings.length === 0 || !findings.every(passes);
  return poll(look, isLasting, { ...session, timeoutMs: PASSING_MS, pace: { min: 100 } });
}

const PASSING_MS = 3000;
