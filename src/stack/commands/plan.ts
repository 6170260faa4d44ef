import { isReachable, type NodeView, type ReachableView } from '../../cluster/nodes/view.ts';
import type { Action } from '../../plan/model/actions.ts';
import { findDisruptive } from '../../plan/engine/disruptive.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { ConfigAction } from '../../plan/node/plan-config.ts';
import { nextRollStep } from '../../plan/cluster/plan-roll.ts';
import { asPublished } from '../reconcile/next-disruption.ts';
import { planNodeConfig } from '../execute/settle-config.ts';
import type { Conflict } from '../../plan/engine/conflicts.ts';
import type { Observed } from '../../plan/model/observed.ts';
import { planCluster, type ClusterAction } from '../../plan/cluster/plan-cluster.ts';
import { planShape, type ShapeStep } from '../../plan/cluster/plan-shape.ts';
import { planPassword, type PasswordAction } from '../../plan/node/plan-password.ts';
import { planUp } from '../../plan/engine/plan-up.ts';
import type { Spec } from '../../spec/spec.ts';
import { findFormerNodes, withNodes } from '../connect/former-nodes.ts';
import { resolveImage } from '../observe/image.ts';
import { linkNodes } from '../connect/links.ts';
import { observeEngine } from '../observe/observe.ts';
import { findObstacles } from '../observe/obstacles.ts';
import { localPassword } from '../connect/passwords.ts';
import type { Session } from '../session/session.ts';
import {
  certificateWarnings,
  observeCertificates,
  planCertificates,
  type CertificateAction,
  type ServedByNode,
} from '../execute/settle-certificates.ts';
import { observePasswords } from '../execute/settle-passwords.ts';
import { readKeptCertificates } from '../connect/trust.ts';
import { wantedOf } from '../observe/wanted.ts';

export interface PlanResult {
  readonly actions: readonly Action[];
  /** The next commands for nodes that run; known only where no engine call comes before them. */
  readonly nodeActions: readonly NodeAction[];
  readonly conflicts: readonly Conflict[];
  /** The image has to be pulled first. */
  readonly pulls: string | undefined;
  /** What will need somebody's attention soon. */
  readonly warnings: readonly string[];
}

export type NodeAction = ClusterAction | PasswordAction | CertificateAction | ConfigAction | HandOver | ShapeAction;

/** A replica takes over before its primary is stopped. */
export interface HandOver {
  readonly type: 'fail over to';
  readonly node: string;
  readonly cause: string;
}

/** A step of `planShape`, or one of its moves. */
export interface ShapeAction {
  readonly type: ShapeStep['type'];
  readonly node: string;
  readonly cause: string;
}

/** What `up` would do and why. Reads only. */
export async function plan(session: Session): Promise<PlanResult> {
  const { engine, spec } = session;
  const image = await resolveImage(engine, spec.redis.image);
  const wanted = wantedOf(session, image ?? { reference: spec.redis.image, id: '', isStandIn: false });
  const observed = await observeEngine(engine, spec, wanted);
  const actions = planUp(spec, wanted, observed);
  const seen = { observed, actions, disruptive: findDisruptive(wanted, observed, actions) };
  const [certificates, kept] = await Promise.all([observeCertificates(session), readKeptCertificates(session)]);
  return {
    actions,
    nodeActions: observed.copies.size > 0 ? takeOvers(observed) : await nextNodeActions(session, seen, certificates),
    conflicts: await findObstacles(session, wanted, observed),
    pulls: image === undefined ? spec.redis.image : undefined,
    warnings: spec.tls.enabled ? certificateWarnings(session, certificates, kept, Date.now()) : [],
  };
}

interface Seen {
  readonly observed: Observed;
  readonly actions: readonly Action[];
  /** Nodes whose containers are made anew one at a time. */
  readonly disruptive: readonly string[];
}

async function nextNodeActions(
  session: Session,
  { observed, actions, disruptive }: Seen,
  certificates: readonly ServedByNode[],
): Promise<NodeAction[]> {
  const { members, containers } = observed;
  const password = await localPassword(session);
  const former = members.length === 0 ? [] : await findFormerNodes(session);
  const present = await asPublished(withNodes(session, former));
  // Nobody else's Redis on a port that is to be ours is asked anything.
  const running = new Set(
    containers
      .filter(isOwn(session.spec.name))
      .filter(({ state }) => state === 'running')
      .map(({ name }) => name),
  );
  const links = (await linkNodes(present, password)).filter(({ name }) =>
    running.has(containerName(session.spec.name, name)),
  );
  try {
    const views = await Promise.all(links.map((link) => link.observe()));
    const reachable = links.filter(({ name }) => views.some((view) => view.name === name && view.reachable));
    const ofLinks = reachable.map((link) =>
      planNodeConfig(session, link, observed.config.get(containerName(session.spec.name, link.name))),
    );
    const settings = (await Promise.all(ofLinks)).flat();
    // What else the nodes need is known when the engine's part is done.
    const staying = views.filter(({ name }) => session.spec.nodes.some((node) => node.name === name));
    if (actions.length > 0) return [...handOvers(staying, disruptive), ...settings];
    const clusterActions = planCluster(session.spec, views);
    return [
      ...(password === undefined ? [] : planPassword(await observePasswords(reachable, password))),
      ...(await planCertificates(session, certificates)),
      ...settings,
      ...clusterActions,
      ...(clusterActions.length === 0 && views.every(isReachable) ? shapeActions(session.spec, views) : []),
    ];
  } finally {
    for (const link of links) link.close();
  }
}

function handOvers(views: readonly NodeView[], disruptive: readonly string[]): HandOver[] {
  return disruptive.flatMap((name): HandOver[] => {
    const heir = nextRollStep(views, [name])?.heir;
    return heir === undefined ? [] : [{ type: 'fail over to', node: heir, cause: `${name} is made anew` }];
  });
}

function takeOvers({ copies }: Observed): NodeAction[] {
  return [...copies].map(([lost, [copy = '']]) => ({
    type: 'take over',
    node: copy,
    cause: `${lost} lost its data, and would start empty at the address that it copies`,
  }));
}

function shapeActions(spec: Spec, views: readonly ReachableView[]): ShapeAction[] {
  return planShape(spec, views).flatMap((step): ShapeAction[] => {
    const { type, cause } = step;
    if (type !== 'move slots') return [{ type, node: step.node, cause }];
    return step.moves.map(({ from, to, slots }) => ({
      type,
      node: `${from} → ${to}`,
      cause: `${slots.length}; ${cause}`,
    }));
  });
}
