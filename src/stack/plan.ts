import type { Action } from '../plan/actions.ts';
import { findConflicts, type Conflict } from '../plan/conflicts.ts';
import { planUp } from '../plan/plan-up.ts';
import { resolveImage } from './image.ts';
import { observeEngine } from './observe.ts';
import type { Session } from './session.ts';
import { wantedOf } from './wanted.ts';

export interface PlanResult {
  readonly actions: readonly Action[];
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
  return {
    actions: planUp(spec, wanted, observed),
    conflicts: findConflicts(spec.name, wanted, observed),
    pulls: image === undefined ? spec.redis.image : undefined,
  };
}
