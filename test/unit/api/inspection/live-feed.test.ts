import type { Readable } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { startLiveFeed, type LiveFeed } from '../../../../src/api/inspection/live-feed.ts';
import type { Hello } from '../../../../src/api/inspection/live-state.ts';
import type { Observation } from '../../../../src/stack/commands/watch/observer.ts';
import { observationOf, sessionOfShape } from '../../../helpers/observations.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const seen = observationOf();
const feeds: LiveFeed[] = [];
let lookCount: number;
beforeEach(() => {
  vi.useFakeTimers();
  lookCount = 0;
});
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.close();
  vi.useRealTimers();
});

function feedOf(hello = (): Hello => ({ build: 'one', snippets: [] })): LiveFeed {
  const observe = async (): Promise<Observation> => {
    lookCount += 1;
    return { ...seen, at: lookCount };
  };
  const feed = startLiveFeed({ observe, session: () => sessionOfShape(), close: () => undefined }, hello, hintText);
  feeds.push(feed);
  return feed;
}

function namesOf(text: unknown): string[] {
  return [...String(text).matchAll(/^event: (\w+)$/gm)].map(([, name = '']) => name);
}

async function seconds(count: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(count * 1000);
}

test('hello, and a state at once and with every second', async () => {
  const stream = feedOf().subscribe();
  await seconds(0);
  expect(namesOf(stream.read())).toEqual(['hello', 'state']);
  await seconds(1);
  expect(namesOf(stream.read())).toEqual(['state']);
  stream.destroy();
});

test(
  'who never reads costs no more memory after four minutes than after three, and no others their events',
  { timeout: 60_000 },
  async () => {
    const feed = feedOf();
    const idle = feed.subscribe();
    const other = feed.subscribe();
    const waiting = (stream: Readable): number =>
      stream.readableLength + (stream as unknown as { writableLength: number }).writableLength;
    await seconds(180);
    const before = waiting(idle);
    other.read();
    for (let count = 0; count < 3; count += 1) {
      await seconds(20);
      expect(namesOf(other.read()).length).toBeGreaterThan(0);
    }
    expect(waiting(idle)).toBe(before);
    expect(before).toBeLessThan(150_000);
    idle.destroy();
    other.destroy();
  },
);

test('nobody is asked any longer when the last one has left', async () => {
  const feed = feedOf();
  const [one, other] = [feed.subscribe(), feed.subscribe()];
  await seconds(2);
  one.destroy();
  await seconds(2);
  const before = lookCount;
  expect(before).toBeGreaterThanOrEqual(4);
  other.destroy();
  await seconds(60);
  expect(lookCount).toBe(before);
});

test('who left at once, and a feed that is closed, begin no looks and fail nobody', async () => {
  const left = feedOf().subscribe();
  left.destroy();
  const ending = feedOf();
  ending.close();
  const stream = ending.subscribe();
  const failures: unknown[] = [];
  stream.on('error', (error) => failures.push(error));
  await seconds(10);
  // The first had begun when it left.
  expect([lookCount, failures]).toEqual([1, []]);
});

test('another hello is told to all who watch', async () => {
  let build = 'one';
  const stream = feedOf(() => ({ build, snippets: [] })).subscribe();
  await seconds(1);
  stream.read();
  build = 'two';
  await seconds(1);
  expect(namesOf(stream.read())).toEqual(['hello', 'state']);
  await seconds(1);
  expect(namesOf(stream.read())).toEqual(['state']);
  stream.destroy();
});

test('a long hello does not cost the state that follows', async () => {
  const code = 'x'.repeat(40_000);
  const feed = feedOf(() => ({ build: 'one', snippets: [{ language: 'any', note: '', code }] }));
  const stream = feed.subscribe();
  const chunks: unknown[] = [];
  stream.on('data', (chunk) => chunks.push(chunk));
  await seconds(0);
  expect(namesOf(chunks.join(''))).toEqual(['hello', 'state']);
  stream.destroy();
});
