import type { Conflict } from '../../plan/engine/conflicts.ts';
import { absenceText } from '../../plan/engine/host-conflicts.ts';
import { heldMovesText } from '../../plan/engine/places.ts';
import { isOwn } from '../../plan/model/names.ts';
import type { Action } from '../../plan/model/action.ts';
import { findAuthorityConflicts } from '../connect/authority.ts';
import type { Snapshot } from '../../plan/model/snapshot.ts';
import type { Upkeep } from '../../plan/scene.ts';
import { findPasswordConflicts, localPassword } from '../connect/passwords.ts';
import { hasLostAuthority } from '../observe/certificates.ts';
import { readCertificates } from './certs.ts';
import { findUserDifferences, type Notice } from '../../plan/node/plan-password.ts';
import { identify, recall } from '../observe/ask-image.ts';
import { resolveImage, type ResolvedImage } from '../observe/image.ts';
import { desiredOf } from '../observe/wanted.ts';
import { preview } from '../reconcile/reconcile.ts';
import { withBusAsMade } from '../session/open.ts';
import type { Session } from '../session/session.ts';
import { hint, run, type Hint } from '../../hint.ts';

interface PlanResult {
  /** The first round of `up`. */
  readonly actions: readonly Action[];
  /** What is planned already for later rounds. More may come of what is only known then. */
  readonly later: readonly Action[];
  readonly conflicts: readonly Conflict[];
  /** What `up` would wait for, as sentences. */
  readonly waitsFor: readonly string[];
  /** The image has to be pulled first. */
  readonly pulls: string | undefined;
  /** What will need somebody's attention soon. */
  readonly warnings: readonly Hint[];
  /** What `up` leaves to a person. */
  readonly notices: readonly Notice[];
}

interface PlanOptions {
  /** What is done unasked only. */
  readonly upkeep?: Upkeep;
  /** Told of every look. */
  readonly onLook?: (seen: Snapshot) => void;
}

/** What `up` would do first, and why: the same loop, which stops before it does anything. Reads only. */
export async function plan(given: Session, { upkeep, onLook }: PlanOptions = {}): Promise<PlanResult> {
  const session = await withBusAsMade(given);
  const { engine, spec } = session;
  const image = await identified(session, await resolveImage(engine, spec.redis.image));
  let notices: readonly Notice[] = [];
  let held = '';
  const kept = await localPassword(session);
  const [round, { warnings }] = await Promise.all([
    preview(
      session,
      { ...desiredOf(session, image), ...(upkeep && { upkeep }) },
      {
        password: async () => kept,
        isAuthorityLost: await hasLostAuthority(session),
        onLook: ({ seen }) => {
          notices = findUserDifferences(seen.passwords);
          held = heldMovesText(spec, seen.engine);
          onLook?.(seen);
        },
      },
    ),
    readCertificates(session),
  ]);
  const conflicts = [
    ...(kept === undefined ? [] : await findPasswordConflicts(session, kept, round.actions)),
    ...(await findAuthorityConflicts(session, round.actions)),
  ];
  // Whatever the password is part of would be refused.
  const found = conflicts.length === 0 ? round : { ...round, actions: [], later: [], conflicts };
  const away = engine.away();
  const absences =
    away.size === 0
      ? []
      : [hint`${absenceText(away)}: the nodes there are left as they are${held}. Start it, then: ${run('up')}`];
  const pulls = image === undefined ? spec.redis.image : undefined;
  return { ...found, pulls, warnings: [...absences, ...warnings], notices };
}

/** As `up` does it; without a container for it, where nothing depends on its answer that is there already. */
async function identified(session: Session, image: ResolvedImage | undefined): Promise<ResolvedImage | undefined> {
  if (image === undefined) return undefined;
  const own = (await session.engine.listContainers()).filter(isOwn(session.spec.name));
  const isOther = own.some(({ imageId }) => imageId !== image.id);
  return isOther ? identify(session, image) : { ...image, answer: await recall(session, image) };
}
