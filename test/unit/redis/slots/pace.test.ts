/** How many keys go over in one turn, learnt from the turns before. */
import { expect, test } from 'vitest';
import { newPace, type Pace } from '../../../../src/redis/slots/pace.ts';

/** A pace whose turns take `msOf(keys)`. */
function withClock(msOf: (keys: number) => number): { pace: Pace; turn: (keys?: number) => Promise<number> } {
  let time = 0;
  const pace = newPace(() => time);
  const turn = async (keys = pace.keys()): Promise<number> => {
    await pace.timed(async () => {
      time += msOf(keys);
    }, keys);
    return pace.keys();
  };
  return { pace, turn };
}

test('small keys: twice as many each time, until a turn is full', async () => {
  const { pace, turn } = withClock((keys) => keys * 0.02);
  expect(pace.keys()).toBe(64);
  expect(await turn()).toBe(128);
  expect(await turn()).toBe(256);
  for (let round = 0; round < 10; round += 1) await turn();
  expect(pace.keys()).toBe(500);
});

test('however small they are, others have a turn after a thousand', async () => {
  const { pace, turn } = withClock(() => 0.001);
  for (let round = 0; round < 20; round += 1) await turn();
  expect(pace.keys()).toBe(1024);
});

test('one slow turn on a busy machine changes nothing, large keys do at once', async () => {
  let msPerKey = 0.1;
  const { turn } = withClock((keys) => keys * msPerKey);
  for (let round = 0; round < 5; round += 1) await turn();
  msPerKey = 0.4;
  expect(await turn()).toBe(100);
  msPerKey = 50;
  expect(await turn()).toBe(1);
  msPerKey = 0.1;
  expect(await turn()).toBe(2);
});
