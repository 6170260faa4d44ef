import { readFile } from 'node:fs/promises';
import type { Finding } from '../../../cluster/findings/finding.ts';
import { isReachable, type NodeView, type ReachableView } from '../../../cluster/nodes/view.ts';
import { slotsOf, type SlotMove } from '../../../cluster/slots/slots.ts';
import { withinBounds } from '../../../bounds.ts';
import { StackError } from '../../../errors.ts';
import type { ServerName } from '../../../plan/model/resources.ts';
import type { NodeLink } from '../../../redis/node-link.ts';
import { atomicMigrationOf } from '../../../redis/slots/atomic-slot-move.ts';
import { tasksUnderWay, type MigrationTask } from '../../../redis/slots/migration-tasks.ts';
import { findingsOf } from '../../../plan/cluster/expectation.ts';
import { linkRunning, observeNodes } from '../../observe/observe-nodes.ts';
import { startHistory, type ObservedNode } from './observed-history.ts';
import type { Session } from '../../session/session.ts';

/** One look at the whole stack. */
export interface Observation {
  /** When it began, in ms since 1970. */
  readonly at: number;
  readonly tookMs: number;
  /** Of the YAML file as it was then. */
  readonly session: Session;
  /** In the order of the YAML file. */
  readonly nodes: readonly ObservedNode[];
  /** Hosts that did not answer: nothing is known of their nodes. */
  readonly away: ReadonlySet<string>;
  /** What is wrong, and doesn't pass by itself. */
  readonly findings: readonly Finding[];
  /** Slots are open, or have just changed hands, or servers move them by themselves. */
  readonly isMoving: boolean;
  /** What servers move by themselves: no node table tells of it. */
  readonly migrations: readonly SlotMove[];
  /** Why the YAML file of now can't be read; the nodes are those of the last one that could. */
  readonly staleBecause: string | undefined;
}

/** Looks at a stack again and again, for as long as somebody asks. */
export interface Observer {
  /**
   * What is there now, or was less than a second ago.
   *
   * @throws StackError when nothing could be looked at: no engine, no certificate authority
   */
  readonly observe: () => Promise<Observation>;
  /** Of the YAML file as it was when somebody looked last. */
  readonly session: () => Session;
  readonly close: () => void;
}

/** A bit less than a second: who asks every second is not to be given the same look twice. */
const MAX_AGE_MS = 900;
/** A node that hangs must not keep anybody from seeing the others for long. */
const REPLY_TIMEOUT_MS = 1000;
/** Links are opened again where a node that runs doesn't answer, but not each time. */
const RELINK_MS = 10_000;
const ASK_AGAIN_MS = 5000;
/** Whoever asks has an answer by then, and be it that the engine gives none. */
const LONGEST_LOOK_MS = 4000;

/** @param open opens the stack anew, when its YAML file has changed */
export async function openObserver(first: Session, open: () => Promise<Session>): Promise<Observer> {
  let session = first;
  let yaml = await readFile(first.path, 'utf8').catch(() => '');
  let staleBecause: string | undefined;
  let links: NodeLink[] | undefined;
  const history = startHistory();
  const findMigrations = migrationFinder();
  let linkedAt = 0;
  const refusals: Refusals = new Map();
  let isClosed = false;
  const closeLinks = (): void => {
    for (const link of links ?? []) link.close();
  };
  const dropLinks = (): void => {
    closeLinks();
    links = undefined;
  };
  const followFile = async (): Promise<void> => {
    const text = await readFile(first.path, 'utf8').catch(() => '');
    if (text === yaml) return;
    try {
      session = await open();
      staleBecause = undefined;
      dropLinks();
    } catch (error) {
      if (!(error instanceof StackError) || error.code !== 'SPEC_INVALID') throw error;
      staleBecause = `the YAML file can't be followed: ${error.details.join('; ') || error.message}`;
    }
    yaml = text;
  };
  const look = async (): Promise<Observation> => {
    const [at, start] = [Date.now(), performance.now()];
    await followFile();
    links ??= (await linkRunning(session)).map((link) => link.patient(REPLY_TIMEOUT_MS));
    const statuses = await observeNodes(
      session,
      links.map((link) => withoutRefusals(link, refusals, at)),
    );
    // With another authority, only new links know of it; and where no node ran, there are none.
    const isAnyLost = statuses.some(({ container, view }) => container?.state === 'running' && !view.reachable);
    if (links.length === 0 || (isAnyLost && at - linkedAt > RELINK_MS)) {
      dropLinks();
      linkedAt = at;
    }
    const nodes = await history.addFailures(session, statuses, at);
    const views = nodes.map(({ view }) => view);
    const migrations = await findMigrations(links, views.filter(isReachable));
    const isMoving = history.isMoving(views, at) || migrations.length > 0;
    const findings = history.lasting(findingsOf(session.spec, views), isMoving, at);
    const away = new Set(session.engine.away().keys());
    return {
      at,
      tookMs: performance.now() - start,
      session,
      nodes,
      away,
      findings,
      isMoving,
      migrations,
      staleBecause,
    };
  };
  const lookOnce = (): Promise<Observation> =>
    look().finally(() => {
      // What it has connected since `close` would keep the process alive.
      if (isClosed) closeLinks();
    });
  const bounds = { signal: first.signal, timeoutMs: LONGEST_LOOK_MS };
  const boundLook = (): Promise<Observation> =>
    withinBounds(lookOnce(), `could not look at ${first.spec.name}`, bounds);
  return {
    observe: shareLooks(boundLook, MAX_AGE_MS),
    session: () => session,
    close: () => {
      isClosed = true;
      closeLinks();
    },
  };
}

/** Each version of a server is asked once whether it moves slots by itself. */
function migrationFinder(): (links: readonly NodeLink[], views: readonly ReachableView[]) => Promise<SlotMove[]> {
  const ways = new Map<string, ServerName | undefined>();
  return async (links, views) => {
    const nameOf = (id: string): string => views.find(({ table: { myself } }) => myself.id === id)?.name ?? id;
    const askOne = async ({ name, server }: ReachableView): Promise<MigrationTask[]> => {
      const link = links.find((one) => one.name === name);
      if (link === undefined) return [];
      if (!ways.has(server)) ways.set(server, await atomicMigrationOf(link));
      const way = ways.get(server);
      return way === undefined ? [] : tasksUnderWay(link, way);
    };
    const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary');
    // A node that has gone since it was looked at tells nothing; the next look shows it.
    const told = await Promise.all(primaries.map((view) => askOne(view).catch(() => [])));
    const moves = told
      .flat()
      .map(({ from, to, slots }) => ({ from: nameOf(from), to: nameOf(to), slots: slotsOf(slots) }));
    // Both ends tell of it.
    return [...new Map(moves.map((move) => [JSON.stringify(move), move])).values()];
  };
}

/** Nodes that refused the password: until when they aren't asked again, each try being a line in their ACL LOG. */
type Refusals = Map<string, { readonly until: number; readonly view: NodeView }>;

/** A node whose password is nobody's is a node that doesn't answer, and no reason to tell nothing of the others. */
function withoutRefusals(link: NodeLink, refusals: Refusals, at: number): Pick<NodeLink, 'name' | 'observe'> {
  const { name } = link;
  const observe = async (): Promise<NodeView> => {
    const known = refusals.get(name);
    if (known !== undefined && at < known.until) return known.view;
    try {
      return await link.observe();
    } catch (error) {
      if (!(error instanceof StackError)) throw error;
      const view = { name, reachable: false, reason: error.message, mend: 'restart' } as const;
      refusals.set(name, { until: at + ASK_AGAIN_MS, view });
      return view;
    }
  };
  return { name, observe };
}

/**
 * One look serves all who ask at the same time, and all who ask within `maxAgeMs` of its beginning: a thousand readers cost
 * what one costs. What a look fails with is shared in the same way.
 */
export function shareLooks<T>(look: () => Promise<T>, maxAgeMs: number): () => Promise<T> {
  let shared: Promise<T> | undefined;
  let isUnderWay = false;
  let begunAt = 0;
  return () => {
    if (shared !== undefined && (isUnderWay || performance.now() - begunAt < maxAgeMs)) return shared;
    begunAt = performance.now();
    isUnderWay = true;
    shared = look().finally(() => {
      isUnderWay = false;
    });
    return shared;
  };
}
