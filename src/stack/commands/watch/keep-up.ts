import type { Engine } from '../../../engine/engine.ts';
import { StackError } from '../../../errors.ts';
import { absenceText } from '../../../plan/engine/host-conflicts.ts';
import { isOwn } from '../../../plan/model/names.ts';
import type { Snapshot } from '../../../plan/model/snapshot.ts';
import type { Upkeep } from '../../../plan/scene.ts';
import { isTakenDown } from '../../../plan/upkeep.ts';
import { poll } from '../../../poll.ts';
import { reconcile } from '../../reconcile/reconcile.ts';
import type { Report, Session } from '../../session/session.ts';
import { mediumOf, withSecret } from '../../session/open.ts';
import { openSource } from '../../session/source.ts';
import { lockStack, type LockMedium } from '../../session/stack-lock.ts';
import { plan } from '../plan.ts';
import { prepareUp } from '../up.ts';
import { followFile } from './follow-file.ts';
import { AGAIN, startPauses } from './pauses.ts';
import { startTelling, type Teller } from './teller.ts';

export interface KeepUpOptions {
  /** Does all that `up` does, and shows it. */
  readonly bringUp: () => Promise<void>;
  /** Opens the stack as its YAML file is now, without its lock and its secret. */
  readonly open: () => Promise<Session>;
  /** What happens, as it happens; nothing is told twice while it stays so. */
  readonly report: Report;
  /** Ends it; between two actions, where some are under way. */
  readonly signal: AbortSignal;
}

/** Between two looks; more where a look takes long, as over ssh: no more than a tenth of the time goes into looking. */
const LOOK_MS = 3000;
const LONGEST_LOOK_PAUSE_MS = 10_000;
const LOOKING_SHARE = 1 / 10;
/** For the sake of a cluster that comes about by itself, nobody else waits longer for the lock. */
const PATIENCE_MS = 5000;
/** Nobody waits for it: a repair has to be right for longer than one that somebody has asked for. */
const STEADY_MS = 3000;
const USAGE_EXIT_CODE = 2;

/**
 * `up`, and after it, until `signal` is aborted, whatever brings back what has failed or gone. It looks without the stack's
 * lock, and takes it only while there is something to do.
 *
 * @throws StackError where the YAML file or the command line is refused in the beginning. Nothing else ends it.
 */
export async function keepUp({ bringUp, open, report, signal }: KeepUpOptions): Promise<void> {
  const teller = startTelling(report);
  const openIt = async (): Promise<Session> => ({ ...(await open()), signal, report: teller.progress });
  const begin = async (): Promise<Session | undefined> => {
    try {
      await bringUp();
      return await openIt();
    } catch (error) {
      if (!(error instanceof StackError) || error.exitCode === USAGE_EXIT_CODE || signal.aborted) throw error;
      teller.failure(error);
    }
    // Half of it may be there: then the rest is what is to be brought back.
    const session = await openIt().catch(() => undefined);
    const containers = await session?.engine.listContainers().catch(() => []);
    return containers?.some(isOwn(session?.spec.name ?? '')) === true ? session : undefined;
  };
  try {
    const pace = { signal, timeoutMs: Infinity, pace: AGAIN };
    const session = await poll(begin, (opened) => opened !== undefined, pace);
    if (session === undefined) return;
    report({ subject: 'watch', state: 'done', text: `keeps ${session.spec.name} up` });
    const follow = await followFile(session, openIt, report);
    const look = startWatching(follow, teller, signal);
    await poll(look, () => false, { signal, timeoutMs: Infinity, pace: { min: LOOK_MS } });
  } catch (error) {
    if (!signal.aborted) throw error;
    report({ subject: 'watch', state: 'done', text: 'ends; the nodes go on' });
  }
}

type Follow = Awaited<ReturnType<typeof followFile>>;

/** @returns looks once, and does what is to be done */
function startWatching(follow: Follow, teller: Teller, signal: AbortSignal): () => Promise<void> {
  const pauses = startPauses();
  let nextLookAt = 0;
  let lock: { readonly engine: Engine; readonly medium: LockMedium } | undefined;
  /** The same from look to look: it knows for how long another has shown no sign of life. */
  const meetOthers = async ({ engine, spec, env }: Session): Promise<LockMedium> => {
    const hosts = spec.hosts.length === 0 ? undefined : engine;
    if (lock?.engine !== engine) lock = { engine, medium: await mediumOf(spec.name, env, hosts) };
    return lock.medium;
  };
  const look = async (): Promise<void> => {
    const begunAt = performance.now();
    const { session, upkeep } = await follow();
    const { name } = session.spec;
    // What is seen while somebody is at work is half done.
    const medium = await meetOthers(session);
    if ((await medium.findOther(false)) !== undefined) return;
    let seen: Snapshot | undefined;
    const { actions, conflicts, waitsFor } = await plan(session, { upkeep, onLook: (last) => (seen = last) });
    const now = performance.now();
    nextLookAt = now + Math.min((now - begunAt) / LOOKING_SHARE, LONGEST_LOOK_PAUSE_MS);
    if (seen !== undefined && isTakenDown(name, seen.engine)) {
      return teller.trouble('cluster', 'was taken down; waits until somebody brings it up again');
    }
    const away = seen?.engine.away ?? new Set<string>();
    if (away.size > 0) teller.trouble('hosts', absenceText(away));
    const [conflict] = conflicts;
    if (conflict !== undefined) return teller.failure(new StackError(conflict.code, conflict));
    if (actions.length > 0) {
      if (!pauses.isOver(actions)) return;
      await pauses.after(() => work(session, upkeep, medium));
      nextLookAt = 0;
      return;
    }
    const [problem] = waitsFor;
    if (problem !== undefined) return teller.problem(problem);
    if (away.size > 0) return;
    pauses.calm();
    teller.whole();
  };
  return async () => {
    if (performance.now() < nextLookAt) return;
    try {
      await look();
    } catch (error) {
      if (!(error instanceof StackError) || signal.aborted) throw error;
      teller.failure(error);
    }
  };
}

/** One run of the loop, with the stack's lock. */
async function work(given: Session, upkeep: Upkeep, medium: LockMedium): Promise<void> {
  const lost = new AbortController();
  const onLost = (reason: StackError): void => lost.abort(reason);
  const lock = await lockStack(given, 'up --watch', medium, onLost);
  const signal = AbortSignal.any([given.signal, lost.signal]);
  const session = { ...given, signal, confirmLock: lock.confirm };
  // A login that was made long ago may have ended.
  const opened = openSource(session, session);
  try {
    // It may all be done by now.
    if (lock.hasWaited) return;
    const asked = await askSource({ ...session, ...opened });
    const isIssuerAway = asked.offline && session.spec.tls.issuer.kind === 'vault';
    const prepared = await prepareUp(asked);
    const desired = { ...prepared.desired, upkeep: isIssuerAway ? 'starts' : upkeep };
    await reconcile(prepared.session, desired, {
      ...prepared.known,
      steadyMs: STEADY_MS,
      onRound: ({ seen }) => !isTakenDown(session.spec.name, seen.engine),
      isDone: ({ next, due }, history) =>
        !due.isPending && (next.waitsFor.length === 0 || performance.now() - history.lastDoneAt() > PATIENCE_MS),
    });
  } finally {
    await opened.close();
    await lock.release();
  }
}

/** Where Vault gives nothing, the password is the one that the containers hold, as with --offline. */
async function askSource(session: Session): Promise<Session> {
  if (session.offline && session.source.file === undefined) return withSecret(session, undefined);
  try {
    return await withSecret(session, await session.source.read());
  } catch (error) {
    if (!(error instanceof StackError) || !error.code.startsWith('VAULT_')) throw error;
    const text = `${error.message}; goes on with the password that the containers hold`;
    session.report({ subject: 'Vault', state: 'warning', text });
    return { ...(await withSecret(session, undefined)), offline: true };
  }
}
