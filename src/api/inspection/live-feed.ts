import { PassThrough, type Readable } from 'node:stream';
import type { RenderHint } from '../../hint.ts';
import type { Observer } from '../../stack/commands/watch/observer.ts';
import { describeFailure, describeLive, renderLive, type Described } from './describe-live.ts';
import type { Hello, LiveState } from './live-state.ts';

export interface LiveFeed {
  /** Server-sent events (HTML standard, "Server-sent events"), without end. */
  readonly subscribe: () => Readable;
  /** Ends every stream. */
  readonly close: () => void;
}

const INTERVAL_MS = 1000;
/** After which a browser asks again, when the service has gone away. */
const RETRY_MS = 1000;
/** What is kept for who reads slowly: a hello and some states. */
const BACKLOG_BYTES = 64 * 1024;

/**
 * The same events for all who watch, written down once. Nobody asks the nodes while nobody watches.
 *
 * @param hello what the page needs once; told again when it is another
 */
export function startLiveFeed(observer: Observer, hello: () => Hello, renderHint: RenderHint): LiveFeed {
  const streams = new Set<PassThrough>();
  let timer: NodeJS.Timeout | undefined;
  let last: Described | undefined;
  /** The hello that all who watch have. */
  let told = '';
  let isClosed = false;
  let turn: Promise<void> | undefined;

  const look = async (): Promise<void> => {
    try {
      last = describeLive(await observer.observe());
    } catch (error) {
      last = describeFailure(error, observer.session(), last);
    }
    if (isClosed) return;
    const news = eventText('hello', hello());
    const event = `${news === told ? '' : news}${eventText('state', renderLive(last, renderHint))}`;
    told = news;
    for (const stream of streams) {
      // Each event tells everything: who reads slowly misses some, and nothing piles up.
      if (!stream.writableNeedDrain) stream.write(event);
    }
  };
  const tick = async (): Promise<void> => {
    const begun = performance.now();
    turn ??= look().finally(() => {
      turn = undefined;
    });
    await turn;
    if (streams.size === 0 || isClosed || timer !== undefined) return;
    timer = setTimeout(
      () => {
        timer = undefined;
        void tick();
      },
      Math.max(0, INTERVAL_MS - (performance.now() - begun)),
    );
  };
  return {
    subscribe: () => {
      const stream = new PassThrough({ highWaterMark: BACKLOG_BYTES });
      if (isClosed) return stream.end();
      stream.once('close', () => {
        streams.delete(stream);
        if (streams.size > 0) return;
        clearTimeout(timer);
        timer = undefined;
      });
      const welcome = eventText('hello', hello());
      if (streams.size === 0) told = welcome;
      streams.add(stream);
      stream.write(`retry: ${RETRY_MS}\n\n${welcome}`);
      // Between two looks, the last one is all that there is to tell; else there is one under way, or nobody has watched.
      if (timer !== undefined && last !== undefined) stream.write(eventText('state', renderLive(last, renderHint)));
      else void tick();
      return stream;
    },
    close: () => {
      isClosed = true;
      clearTimeout(timer);
      for (const stream of streams) stream.end();
    },
  };
}

function eventText(name: string, data: Hello | LiveState): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}
