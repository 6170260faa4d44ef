import { withinBounds } from '../../bounds.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import { planShape } from '../../plan/cluster/plan-shape.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { proveReadWrite } from '../../redis/prove.ts';
import type { Secret } from '../../secret.ts';
import { applyToEngine } from '../reconcile/apply.ts';
import { openIssuer, type Issuer } from '../connect/certificates.ts';
import { natMapOf } from '../connect/connection.ts';
import { converge, type Converged, type ConvergeOptions } from '../reconcile/converge.ts';
import { findFormerNodes, withNodes } from '../connect/former-nodes.ts';
import { ensureImage, type ResolvedImage } from '../observe/image.ts';
import { hostAddress, linkNodes } from '../connect/links.ts';
import { heal } from '../reconcile/heal.ts';
import { nextDisruption } from '../reconcile/next-disruption.ts';
import { settleConfig } from '../execute/settle-config.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { reshape } from '../reconcile/reshape.ts';
import { untilUndisturbed } from '../reconcile/rounds.ts';
import type { Session } from '../session/session.ts';
import { restartUntrusted, settleCertificates } from '../execute/settle-certificates.ts';
import { settlePasswords } from '../execute/settle-passwords.ts';
import { readTrust } from '../connect/trust.ts';
import { wantedOf } from '../observe/wanted.ts';

export interface UpResult {
  readonly image: ResolvedImage;
  /** Engine calls and cluster commands that changed something; 0 when all was as it should be. */
  readonly changeCount: number;
  readonly views: readonly ReachableView[];
  readonly elapsedMs: number;
}

/**
 * Brings the stack from whatever it is to what the YAML file says, and proves it: every node agrees, every slot is
 * served, and, after a change, a key can be written and read in each primary. Data is never removed.
 */
export function up(session: Session): Promise<UpResult> {
  return untilUndisturbed(session, (disturbances) => upOnce(session, disturbances));
}

async function upOnce(session: Session, disturbances: number): Promise<UpResult> {
  const { engine, spec, report } = session;
  const start = performance.now();
  // Refuses an engine whose ports can't be reached from here, before anything is made.
  hostAddress(spec, engine.endpoint);
  const [image, issuer] = await Promise.all([ensureImage(session), openIssuer(session)]);
  const wanted = wantedOf(session, image);
  const { applied, settle, counts } = await applyInTurns(session, wanted, issuer);
  const { password, former } = applied;
  const links = await linkNodes(withNodes(session, former), password);
  try {
    const onceReachable = (): Promise<void> => settle(links);
    const { views, commandCount } = await convergeInShape(session, links, { onceReachable, former });
    if (former.length > 0) await applyToEngine(session, wanted, issuer);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    const changeCount = disturbances + counts.changes + commandCount;
    if (changeCount > 0) await prove(session, password, views);
    return { image, changeCount, views, elapsedMs: performance.now() - start };
  } finally {
    for (const link of links) link.close();
  }
}

/**
 * Everything on the engine that disturbs nobody at once; then the nodes that run and have to be made anew, one after the
 * other, each time looking at everything again.
 */
async function applyInTurns(session: Session, wanted: Wanted, issuer: Issuer | undefined): Promise<InTurns> {
  const haveNew = new Set<string>();
  const counts = { changes: 0 };
  const done = new Set<string>();
  for (let ready: readonly string[] = []; ;) {
    const applied = await applyToEngine(session, wanted, issuer, ready);
    const { callCount, password, configured, config, members, waiting } = applied;
    counts.changes += callCount;
    for (const node of configured) haveNew.add(node);
    const restarted = issuer === undefined ? [] : await restartUntrusted(session, issuer, haveNew);
    for (const node of restarted) {
      haveNew.add(node);
      counts.changes += 1;
    }
    const settle = async (links: readonly NodeLink[]): Promise<void> => {
      counts.changes += await settlePasswords(session, links, password);
      if (issuer !== undefined) counts.changes += await settleCertificates(session, links, issuer, haveNew);
      counts.changes += await settleConfig(session, links, config);
    };
    const former = members.length === 0 ? [] : await findFormerNodes(session);
    // An engine that makes of a definition something else than was asked for would have its turn for ever.
    const left = waiting.filter((node) => !done.has(node));
    if (left.length === 0) return { applied: { password, former }, settle, counts };
    ready = await nextDisruption(session, left, { password, former, settle });
    for (const node of ready) done.add(node);
  }
}

interface InTurns {
  readonly applied: { readonly password: Secret; readonly former: readonly NodeSpec[] };
  /** Brings passwords, certificates and settings of nodes that run to what they should be. */
  readonly settle: (links: readonly NodeLink[]) => Promise<void>;
  /** Engine calls, and steps of `settle`. */
  readonly counts: { readonly changes: number };
}

/** Whole, and with the primaries that the YAML file asks for: slots are moved, and nodes that left the file let go. */
async function convergeInShape(
  session: Session,
  links: readonly NodeLink[],
  { onceReachable, former = [] }: ConvergeOptions,
): Promise<Converged> {
  let leaving = former;
  let commandCount = 0;
  for (;;) {
    const present = links.filter(({ name }) => [...session.spec.nodes, ...leaving].some((node) => node.name === name));
    const all = withNodes(session, leaving);
    const converged = await converge(session, present, {
      former: leaving,
      onStuck: async () => {
        commandCount += await heal(all);
      },
      ...(onceReachable === undefined || commandCount > 0 ? {} : { onceReachable }),
    });
    commandCount += converged.commandCount;
    const steps = planShape(session.spec, converged.views);
    if (steps.length === 0) {
      const healed = converged.views.some(hasOpenSlots) ? await heal(all) : 0;
      if (healed === 0) return { views: converged.views, commandCount };
      commandCount += healed;
    }
    const retired = await reshape(all, steps, converged.views, present);
    leaving = leaving.filter(({ name }) => !retired.includes(name));
    commandCount += steps.length;
  }
}

function hasOpenSlots({ table }: ReachableView): boolean {
  return table.myself.openSlots.length > 0;
}

async function prove(session: Session, password: Secret, views: readonly ReachableView[]): Promise<void> {
  const { report } = session;
  report({ subject: 'proof', state: 'running', text: 'a write and a read in each primary' });
  const ranges = views.flatMap(({ table }) => table.myself.slots.slice(0, 1));
  // As an application would that only uses what is open.
  const tls = session.spec.tls.plain ? undefined : await readTrust(session);
  await withinBounds(
    proveReadWrite(natMapOf(session, tls === undefined ? 'plain' : 'tls'), password, tls, ranges),
    'could not write and read a key in each primary',
    session,
  );
  report({
    subject: 'proof',
    state: 'done',
    text: `a key written and read back in each of ${ranges.length} primaries`,
  });
}
