import { useEffect, useState } from 'preact/hooks';
import type { Hello, LiveState } from '../inspection/live-state.ts';
import { withState, type History } from './history.ts';

/** What the page knows. */
export interface Feed {
  readonly connection: 'connecting' | 'live' | 'lost';
  readonly hello: Hello | undefined;
  readonly state: LiveState | undefined;
  /** When `state` came, by the clock of this browser. */
  readonly receivedAt: number;
  readonly history: History;
}

const EVENTS = '/events';
const RETRY_MS = 1000;
/** A state comes every second; who is silent for so long is gone without a word. */
const SILENCE_MS = 12_000;
/** A browser has six connections to a host: a seventh tab would wait for ever if the others, long forgotten, kept theirs. */
const HIDDEN_MS = 60_000;

const NOTHING: Feed = {
  connection: 'connecting',
  hello: undefined,
  state: undefined,
  receivedAt: 0,
  history: new Map(),
};

export function useFeed(): Feed {
  const [feed, setFeed] = useState(NOTHING);
  useEffect(() => listen((news) => setFeed((before) => ({ ...before, ...news(before) }))), []);
  return feed;
}

/**
 * Listens until the returned function is called. An EventSource goes on by itself after some failures, and gives up for
 * good after others (an answer that isn't 200): here each failure ends it, and a second later there is a new one.
 */
function listen(tell: (news: (before: Feed) => Partial<Feed>) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let pauseTimer: ReturnType<typeof setTimeout> | undefined;
  const after = (ms: number, next: () => void): void => {
    clearTimeout(timer);
    timer = setTimeout(next, ms);
  };
  const lose = (): void => {
    source?.close();
    tell(() => ({ connection: 'lost' }));
    after(RETRY_MS, connect);
  };
  const connect = (): void => {
    source = new EventSource(EVENTS);
    source.addEventListener('error', lose);
    source.addEventListener('hello', ({ data }: MessageEvent<string>) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service's types, and its tests check what it sends
      const hello = JSON.parse(data) as Hello;
      loadAnewIfOther(hello.build);
      tell(() => ({ hello }));
    });
    source.addEventListener('state', ({ data }: MessageEvent<string>) => {
      after(SILENCE_MS, lose);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service's types, and its tests check what it sends
      const state = JSON.parse(data) as LiveState;
      tell(({ history }) => ({
        connection: 'live',
        state,
        receivedAt: Date.now(),
        history: withState(history, state),
      }));
    });
    after(SILENCE_MS, lose);
  };
  const pause = (): void => {
    clearTimeout(timer);
    source?.close();
    source = undefined;
    tell(() => ({ connection: 'connecting' }));
  };
  const onVisibility = (): void => {
    clearTimeout(pauseTimer);
    if (document.hidden) pauseTimer = setTimeout(pause, HIDDEN_MS);
    else if (source === undefined) connect();
  };
  document.addEventListener('visibilitychange', onVisibility);
  connect();
  return () => {
    document.removeEventListener('visibilitychange', onVisibility);
    clearTimeout(pauseTimer);
    clearTimeout(timer);
    source?.close();
  };
}

/** Another service than the one that gave this page: its page is another, too. Once for each, so that it can't go on for ever. */
function loadAnewIfOther(build: string): void {
  const own = document.querySelector<HTMLMetaElement>('meta[name=build]')?.content;
  if (own === build) return;
  try {
    if (sessionStorage.getItem('loaded-for') === build) return;
    sessionStorage.setItem('loaded-for', build);
  } catch {
    return;
  }
  location.reload();
}
