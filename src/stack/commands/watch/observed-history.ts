import type { Finding, FindingKind } from '../../../cluster/findings/finding.ts';
import { slotMapText } from '../../../cluster/nodes/node-table.ts';
import { isReachable, type NodeView } from '../../../cluster/nodes/view.ts';
import { containerName } from '../../../plan/model/names.ts';
import { whyExited } from '../../observe/container-end.ts';
import type { NodeStatus } from '../../observe/observe-nodes.ts';
import type { Session } from '../../session/session.ts';

export interface ObservedNode extends NodeStatus {
  readonly lastFailure: Failure | undefined;
}

/** A node was seen not to answer. `at` is in ms since 1970. */
interface Failure {
  readonly at: number;
  readonly text: string;
}

/** What is only seen by looking more than once. */
export interface History {
  readonly addFailures: (session: Session, statuses: readonly NodeStatus[], at: number) => Promise<ObservedNode[]>;
  readonly isMoving: (views: readonly NodeView[], at: number) => boolean;
  readonly lasting: (findings: readonly Finding[], isMoving: boolean, at: number) => Finding[];
}

/** Slots that are open for longer than this, and none moves, were left by a run that was interrupted. */
const STANDSTILL_MS = 5000;

/** A run that goes on opens its next slots sooner than this. */
const BETWEEN_BATCHES_MS = 1500;

/** Who watches looks more often than this, and so does Prometheus. */
const LONGEST_GAP_MS = 60_000;

/** How long gossip needs to make a finding go away, at most, in a cluster that is whole. */
const PASSING_MS: Readonly<Partial<Record<FindingKind, number>>> = {
  'same epoch': 10_000,
  disagreement: 2000,
  'two owners': 2000,
  phantom: 2000,
  'writes refused': 2000,
};

export function startHistory(): History {
  const failures = new Map<string, Failure>();
  const ends = new Map<string, string>();
  const seenUp = new Set<string>();
  const firstSeen = new Map<FindingKind, number>();
  let slots: string | undefined;
  let changedAt = Number.NEGATIVE_INFINITY;
  let openAt = Number.NEGATIVE_INFINITY;
  let lookedAt = Number.NEGATIVE_INFINITY;

  const whyEnded = async ({ engine, spec }: Session, { node, container }: NodeStatus): Promise<string> => {
    if (container?.state !== 'exited') return '';
    const known = ends.get(node.name);
    if (known !== undefined) return known;
    const why = ` (${await whyExited(engine, containerName(spec.name, node.name))})`;
    ends.set(node.name, why);
    return why;
  };
  return {
    addFailures: (session, statuses, at) =>
      Promise.all(
        statuses.map(async (status): Promise<ObservedNode> => {
          const { name } = status.node;
          if (status.view.reachable) {
            ends.delete(name);
            seenUp.add(name);
            return { ...status, lastFailure: failures.get(name) };
          }
          // A container that goes away in this moment is asked for in vain.
          const why = await whyEnded(session, status).catch(() => '');
          const text = `${status.view.reason}${why}`;
          // Before its first start there is nothing that has failed.
          if (status.container !== undefined || seenUp.has(name)) failures.set(name, { at, text });
          return { ...status, view: { ...status.view, reason: text }, lastFailure: failures.get(name) };
        }),
      ),
    isMoving: (views, at) => {
      const reachable = views.filter(isReachable);
      const open = reachable.map(({ table }) => table.myself.openSlots);
      const seen = `${reachable.map(({ table }) => slotMapText(table)).join('\n')} ${JSON.stringify(open)}`;
      if (seen !== slots) changedAt = at;
      slots = seen;
      if (open.some((ofNode) => ofNode.length > 0)) openAt = at;
      return at - changedAt < STANDSTILL_MS && at - openAt < BETWEEN_BATCHES_MS;
    },
    lasting: (findings, isMoving, at) => {
      // Nobody has asked for a while: what was seen then may have gone and come again.
      if (at - lookedAt > LONGEST_GAP_MS) firstSeen.clear();
      lookedAt = at;
      const kinds = new Set(findings.map(({ kind }) => kind));
      for (const kind of firstSeen.keys()) if (!kinds.has(kind)) firstSeen.delete(kind);
      for (const kind of kinds) if (!firstSeen.has(kind)) firstSeen.set(kind, at);
      const isLasting = ({ kind }: Finding): boolean =>
        at - (firstSeen.get(kind) ?? at) >= (PASSING_MS[kind] ?? 0) && !(isMoving && kind === 'open slots');
      return findings.filter(isLasting);
    },
  };
}
