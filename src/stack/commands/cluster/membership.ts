import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { isReachable, type NodeView, type ReachableView } from '../../../cluster/nodes/view.ts';
import { meetingPlace, reachableNode, replicasOf, unreachableNames } from '../../../plan/cluster/among-nodes.ts';
import { planForget, findMeetProblems, planMeet } from '../../../plan/cluster/plan-membership.ts';
import { isAll, planReset } from '../../../plan/cluster/plan-reset.ts';
import { follow } from '../../execute/cluster-actions.ts';
import { findKnowing, withLiveCluster } from '../../execute/live-cluster.ts';
import { findNode, type Session } from '../../session/session.ts';
import { resetNode } from '../../../redis/persistence.ts';
import { planReplication } from '../../../plan/cluster/plan-replication.ts';

interface Left {
  /** Nodes that knew who left; of a reset, those that left. */
  readonly nodes: readonly string[];
  /** Nodes that don't answer, and may still know who left. */
  readonly unreachable: readonly string[];
}

/**
 * Has every node forget one that is none of the YAML file's.
 *
 * @param text its id, the beginning of its id, or its address as the nodes know it
 * @throws StackError USAGE where it may not be forgotten: see `planForget`
 */
export async function forget(session: Session, text: string): Promise<Left & { readonly id: string }> {
  return withLiveCluster(session, async (cluster) => {
    const id = planForget(session.spec, cluster.views, text);
    const nodes = await cluster.forget(id);
    await cluster.until((views) => findKnowing(views, [id]), {
      message: `not every node forgot ${id}`,
      hint: hint`${run(`cluster forget ${id}`)}   # again`,
    });
    return { id, nodes, unreachable: unreachableNames(cluster.views) };
  });
}

interface MeetResult {
  readonly node: string;
  /** None where all knew it. */
  readonly introducedTo: readonly string[];
}

/**
 * Introduces a node of the YAML file to the others, and waits until all know it.
 *
 * @throws StackError USAGE where two clusters would become one: see `planMeet`
 */
export async function meet(session: Session, nodeName: string): Promise<MeetResult> {
  const node = findNode(session, nodeName).name;
  return withLiveCluster(session, async ({ views, send, until }) => {
    const members = planMeet(views, node);
    const { ip, port, busPort } = meetingPlace(session.spec, reachableNode(views, node));
    await Promise.all(members.map(({ name }) => send(name, 'CLUSTER', 'MEET', ip, String(port), String(busPort))));
    const names = members.map(({ name }) => name);
    await until((latest) => findMeetProblems(node, names, latest), {
      message: `${node} and the others did not get to know each other`,
      hint: hint`${run(`logs ${node}`)}, or again: ${run(`cluster meet ${node}`)}`,
    });
    return { node, introducedTo: names };
  });
}

/**
 * Has nodes forget the cluster, and the cluster forget them. A replica drops its copy.
 *
 * @param confirm asked before the whole cluster is taken apart
 * @throws StackError USAGE where slots or keys would be lost: see `planReset`. CONFIRMATION_NEEDED when the answer is no.
 */
export async function reset(
  session: Session,
  nodeNames: readonly string[],
  { mode, confirm }: { readonly mode: 'soft' | 'hard'; readonly confirm: () => Promise<boolean> },
): Promise<Left> {
  const { spec } = session;
  const names = [...new Set(nodeNames.map((name) => findNode(session, name).name))];
  return withLiveCluster(session, async (cluster) => {
    const chosen = planReset(spec, cluster.views, names);
    if (isAll(spec, names) && !(await confirm())) {
      throw new StackError('CONFIRMATION_NEEDED', {
        message: 'taking the whole cluster apart was not confirmed; nothing was changed',
        hint: hint`${run('cluster reset --all --yes')}   # without asking`,
      });
    }
    const ids = chosen.map(({ table }) => table.myself.id);
    const inRole = (role: string): ReachableView[] => chosen.filter(({ table }) => table.myself.role === role);
    const patient = cluster.nodes.patient(session.timeoutMs);
    // Primaries first: one that took a key in the meantime refuses, and its replicas still have their copies then.
    for (const views of [inRole('primary'), inRole('replica')]) {
      await Promise.all(views.map(({ name }) => resetNode(patient.get(name), mode, session)));
    }
    await Promise.all(ids.map((id) => cluster.forget(id, names)));
    await cluster.until((views) => [...findCompany(views, names), ...findKnowing(views, ids)], {
      message: `not every node forgot ${names.join(', ')}`,
      hint: run('cluster nodes'),
    });
    return { nodes: names, unreachable: unreachableNames(cluster.views) };
  });
}

/** Nodes among `names` that aren't alone, as sentences. */
function findCompany(views: readonly NodeView[], names: readonly string[]): string[] {
  return names.flatMap((name) => {
    const view = views.filter(isReachable).find((one) => one.name === name);
    if (view === undefined) return [`${name} does not answer any more`];
    return view.table.rows.length > 1 ? [`${name} still knows ${view.table.rows.length - 1} other nodes`] : [];
  });
}

interface ReplicateResult {
  readonly node: string;
  readonly primary: string;
  /** It was no replica of this primary before. */
  readonly isChanged: boolean;
}

/**
 * Makes a node the replica of a primary, and waits for its copy.
 *
 * @throws StackError USAGE where it may not become one: see `planReplication`
 */
export async function replicate(session: Session, nodeName: string, primaryName: string): Promise<ReplicateResult> {
  const [node, primary] = [findNode(session, nodeName).name, findNode(session, primaryName).name];
  return withLiveCluster(session, async ({ views, nodes, until }) => {
    const { primaryId, isDone } = planReplication(session.spec, views, node, primary);
    if (isDone) return { node, primary, isChanged: false };
    await follow(session, nodes, views, { node, primaryId });
    const findProblems = (latest: readonly NodeView[]): string[] =>
      replicasOf(latest, primaryId).some(({ name, replicationLink }) => name === node && replicationLink === 'up')
        ? []
        : [`${node} has no copy of ${primary} yet`];
    await until(findProblems, {
      message: `${node} had no copy of ${primary}`,
      hint: hint`${run(`logs ${node}`)}, or more time: ${run('cluster wait --timeout SECONDS')}`,
    });
    return { node, primary, isChanged: true };
  });
}
