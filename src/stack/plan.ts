import { StackError } from '../errors.ts';
import type { Action } from '../plan/actions.ts';
import { findConflicts, type Conflict } from '../plan/conflicts.ts';
import { planCluster, type ClusterAction } from '../plan/plan-cluster.ts';
import { planUp } from '../plan/plan-up.ts';
import { resolveImage } from './image.ts';
import { linkNodes } from './links.ts';
import { observeEngine } from './observe.ts';
import { knownPassword } from './password.ts';
import type { Session } from './session.ts';
import { findTakenPort } from './taken-ports.ts';
import { wantedOf } from './wanted.ts';

export interface PlanResult {
  readonly actions: readonly Action[];
  /** The next cluster commands; known only where no engine call comes before them. */
  readonly clusterActions: readonly ClusterAction[];
  readonly conflicts: readonly Conflict[];
  /** The image has to be pulled first. */
  readonly pulls: string | undefined;
}

/** What `up` would do and why. Reads only. */
export async function plan(session: Session): Promise<PlanResult> {
  const { engine, spec } = session;
  const image = await resolveImage(engine, spec.redis.image);
  const wanted = wantedOf(session, image ?? { reference: spec.redis.image, id: '', isStandIn: false });
  const observed = await observeEngine(engine, spec, wanted);
  const actions = planUp(spec, wanted, observed);
  const taken = await findTakenPort(session, wanted, observed);
  return {
    actions,
    clusterActions: actions.length === 0 ? await nextClusterActions(session) : [],
    conflicts: [...findConflicts(spec.name, wanted, observed), ...(taken === undefined ? [] : [taken])],
    pulls: image === undefined ? spec.redis.image : undefined,
  };
}

async function nextClusterActions(session: Session): Promise<ClusterAction[]> {
  const { engine, spec } = session;
  const password = await knownPassword(session);
  if (password === undefined)
    throw new StackError('NOT_RUNNING', { message: 'the password of the running stack is not known' });
  const links = linkNodes(spec, engine.endpoint, password);
  try {
    return planCluster(spec, await Promise.all(links.map((link) => link.observe())));
  } finally {
    for (const link of links) link.close();
  }
}
