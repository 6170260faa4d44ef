import { withinBounds } from '../../bounds.ts';
import { list } from '../../cluster/findings/finding.ts';
import { findClusterProblems } from '../../cluster/findings/health.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { absenceHint, absenceText, findHostWarnings, findSwarmWarning } from '../../plan/engine/host-conflicts.ts';
import { findUnknown, heldMovesText } from '../../plan/engine/places.ts';
import { once } from '../../once.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import type { Snapshot } from '../../plan/model/snapshot.ts';
import type { Desired } from '../../plan/scene.ts';
import type { Secret } from '../../secret.ts';
import { findProxy, type RunningProxy } from '../../plan/engine/plan-proxy.ts';
import { findUserDifferences } from '../../plan/node/plan-password.ts';
import { findNamesProblem } from './names.ts';
import { hostAddress, reachOf, type Reach } from '../connect/host-address.ts';
import { openIssuer } from '../connect/issuer.ts';
import { openProof } from '../connect/proof.ts';
import { ensurePassword } from '../connect/passwords.ts';
import { hasLostAuthority } from '../observe/certificates.ts';
import { identify } from '../observe/ask-image.ts';
import { ensureImage, type ResolvedImage } from '../observe/image.ts';
import { requirePairs } from '../observe/host-links.ts';
import { observeUnenforced } from '../observe/observe.ts';
import { desiredOf } from '../observe/wanted.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import type { ReconcileOptions } from '../reconcile/round.ts';
import { withBusAsMade } from '../session/open.ts';
import type { Session } from '../session/session.ts';

interface UpResult {
  readonly image: ResolvedImage;
  /** Actions that were carried out; 0 when all was as it should be. */
  readonly changeCount: number;
  readonly views: readonly ReachableView[];
  readonly reach: Reach;
  /** undefined where clients come in without one. */
  readonly proxy: RunningProxy | undefined;
}

interface Prepared {
  readonly session: Session;
  readonly image: ResolvedImage;
  readonly desired: Desired;
  readonly known: Pick<ReconcileOptions, 'issuer' | 'isAuthorityLost'> & { readonly password: () => Promise<Secret> };
}

/**
 * Brings the stack from whatever it is to what the YAML file says, and proves it: every node agrees, every slot is
 * served, and, after a change, a key can be written and read in each primary. No key is ever given up.
 */
export async function up(given: Session, options: Pick<ReconcileOptions, 'lasting'> = {}): Promise<UpResult> {
  const { session, image, desired, known } = await prepareUp(given);
  const { engine, spec, report } = session;
  let last: Snapshot | undefined;
  let unenforced: string | undefined;
  const { views, changeCount } = await reconcile(session, desired, {
    ...options,
    ...known,
    onLook: ({ seen }) => {
      last = seen;
    },
    // Told once: by the run that changed something.
    prove: async (proven) => {
      // What is written to a primary that is lost with its host comes back to nobody.
      if (engine.away().size > 0) return;
      const limits = observeUnenforced(engine, last?.engine.settings);
      const pairs = spec.network.announce && requirePairs(session, last?.engine.containers ?? []);
      [unenforced] = await Promise.all([limits, prove(session, await known.password(), proven), pairs]);
    },
  });
  rejectAbsence(session, last);
  const swarms = await engine.swarms();
  const lack = spec.network.driver === 'overlay' ? findSwarmWarning(swarms) : undefined;
  if (lack !== undefined) report({ subject: 'swarm', state: 'warning', text: lack });
  for (const notice of findHostWarnings(spec, swarms)) report({ subject: 'hosts', state: 'warning', ...notice });
  for (const notice of findUserDifferences(last?.passwords ?? []))
    report({ subject: 'users', state: 'warning', ...notice });
  if (unenforced !== undefined) {
    report({ subject: 'engine', state: 'warning', text: `can't enforce ${unenforced}: the containers run without` });
  }
  const names = await findNamesProblem(spec);
  if (names !== undefined) report({ subject: 'names', state: 'warning', ...names });
  report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
  const proxy = findProxy(desired.wanted, spec.name, last?.engine.entrances ?? []);
  return { image, changeCount, views, reach: reachOf(session), proxy };
}

/** What the loop needs to know before it begins, and what can be refused by then. */
export async function prepareUp(given: Session): Promise<Prepared> {
  const session = await withBusAsMade(given);
  const { engine, spec } = session;
  // Refuses an engine whose ports can't be reached from here, before anything is made.
  for (const node of spec.nodes) hostAddress(spec, engine.endpoint, node);
  const isAuthorityLost = await hasLostAuthority(session);
  const [image, issuer] = await Promise.all([
    ensureImage(session).then((found) => identify(session, found)),
    openIssuer(session),
  ]);
  // Asked again, once an engine that went away is back.
  const password = once(() => ensurePassword(session));
  return { session, image, desired: desiredOf(session, image), known: { password, issuer, isAuthorityLost } };
}

/** All that could be done without them is done. @throws StackError ENGINE_UNREACHABLE where a host is away */
function rejectAbsence({ spec }: Session, last: Snapshot | undefined): void {
  if (last === undefined || last.engine.away.size === 0) return;
  const { away } = last.engine;
  const unknown = findUnknown(spec, last.engine);
  const rest = `${heldMovesText(spec, last.engine)}; all else is as far as it can be`;
  throw new StackError('ENGINE_UNREACHABLE', {
    message: `${absenceText(away)}: ${list(unknown)} ${unknown.length === 1 ? 'is' : 'are'} left as ${unknown.length === 1 ? 'it is' : 'they are'}${rest}`,
    details: [
      ...[...away.values()].map(({ message }) => message),
      ...findClusterProblems(expectationOf(spec), last.views),
    ],
    hint: hint`${absenceHint(away, run('up'))}   # a host that is gone for good: docs/hosts.md`,
  });
}

async function prove(session: Session, password: Secret, views: readonly ReachableView[]): Promise<void> {
  const { report } = session;
  report({ subject: 'proof', state: 'running', text: 'a write and a read in each primary' });
  const proof = await openProof(session, password);
  const primaries = await withinBounds(proof(views), 'could not write and read a key in each primary', session);
  const text = `a key written and read back in each of ${primaries} primaries`;
  report({ subject: 'proof', state: 'done', text });
}
