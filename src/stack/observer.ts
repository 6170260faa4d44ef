import { readFile } from 'node:fs/promises';
import type { Finding } from '../cluster/finding.ts';
import { findFindings } from '../cluster/findings.ts';
import type { NodeView } from '../cluster/view.ts';
import { withinBounds } from '../bounds.ts';
import { StackError } from '../errors.ts';
import type { NodeLink } from '../redis/node-link.ts';
import { expectationOf } from './converge.ts';
import { linkNodes } from './links.ts';
import { observeNodes } from './observe-nodes.ts';
import { startHistory, type ObservedNode } from './observed-history.ts';
import { localPassword } from './passwords.ts';
import type { Session } from './session.ts';
import { shareLooks } from './shared-look.ts';

/** One look at the whole stack. */
export interface Observation {
  /** When it began, in ms since 1970. */
  readonly at: number;
  readonly tookMs: number;
  /** Of the YAML file as it was then. */
  readonly session: Session;
  /** In the order of the YAML file. */
  readonly nodes: readonly ObservedNode[];
  /** What is wrong, and doesn't pass by itself. */
  readonly findings: readonly Finding[];
  /** Slots are open, or have just changed hands. */
  readonly isMoving: boolean;
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
/** Whoever asks has an answer by then, and be it that the engine gives none. */
const LONGEST_LOOK_MS = 4000;

/** @param open opens the stack anew, when its YAML file has changed */
export async function openObserver(first: Session, open: () => Promise<Session>): Promise<Observer> {
  let session = first;
  let yaml = await readFile(first.path, 'utf8').catch(() => '');
  let staleBecause: string | undefined;
  let links: NodeLink[] | undefined;
  const history = startHistory();
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
      staleBecause = [error.message, ...error.details].join('; ');
    }
    yaml = text;
  };
  const look = async (): Promise<Observation> => {
    const [at, start] = [Date.now(), performance.now()];
    await followFile();
    links ??= await linkNodes(session, await localPassword(session), REPLY_TIMEOUT_MS);
    const statuses = await observeNodes(session, links.map(withoutRefusals));
    // With another password, or another authority, only new links know of it.
    if (statuses.some(({ container, view }) => container?.state === 'running' && !view.reachable)) dropLinks();
    const nodes = await history.addFailures(session, statuses, at);
    const views = nodes.map(({ view }) => view);
    const isMoving = history.isMoving(views, at);
    const findings = history.lasting(findFindings(expectationOf(session.spec), views), isMoving, at);
    return { at, tookMs: performance.now() - start, session, nodes, findings, isMoving, staleBecause };
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

/** A node whose password is nobody's is a node that doesn't answer, and no reason to tell nothing of the others. */
function withoutRefusals(link: NodeLink): Pick<NodeLink, 'name' | 'observe'> {
  const { name } = link;
  return {
    name,
    observe: async (): Promise<NodeView> => {
      try {
        return await link.observe();
      } catch (error) {
        if (error instanceof StackError) return { name, reachable: false, reason: error.message };
        throw error;
      }
    },
  };
}
