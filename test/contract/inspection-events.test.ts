/** The events of the live page, read as a browser reads them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { Hello, LiveState } from '../../src/api/inspection/live-state.ts';
import { startService, type RunningService } from '../helpers/service.ts';
import { freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let service: RunningService;
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
  service = await startService(stack);
});
afterAll(async () => {
  await service.stop();
  await stack.remove();
});

interface Watching {
  readonly hellos: readonly Hello[];
  readonly states: readonly LiveState[];
  /** The first state from now on that is as it should be. */
  readonly seen: (isIt: (state: LiveState) => boolean) => Promise<LiveState>;
  readonly leave: () => void;
}

/** Every event is checked against its schema. */
async function watch(): Promise<Watching> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const answer = await fetch(`${service.url}/events`, { signal: leaving.signal });
  expect(answer.headers.get('content-type')).toBe('text/event-stream');
  const hellos: Hello[] = [];
  const states: LiveState[] = [];
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of answer.body ?? []) {
      text += decoder.decode(chunk as Uint8Array, { stream: true });
      const events = text.split('\n\n');
      text = events.pop() ?? '';
      for (const event of events) {
        const [, name, data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? [];
        if (name === 'hello') hellos.push(Hello.parse(JSON.parse(data)));
        else if (name === 'state') states.push(LiveState.parse(JSON.parse(data)));
        else if (event !== 'retry: 1000') throw new Error(`this is no event: ${event}`);
      }
    }
  };
  // What isn't as it should be fails the run.
  void read().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error;
  });
  const seen = async (isIt: (state: LiveState) => boolean): Promise<LiveState> => {
    const from = states.length;
    let found: LiveState | undefined;
    const look = (): boolean => (found = states.slice(from).find(isIt)) !== undefined;
    await expect.poll(look, { timeout: 60_000, interval: 50 }).toBe(true);
    if (found === undefined) throw new Error('it was there a moment ago');
    return found;
  };
  return { hellos, states, seen, leave: () => leaving.abort() };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function looks(): Promise<number> {
  return Number(/cmdstat_cluster\|nodes:calls=(\d+)/.exec(await stack.redis(1, 'INFO', 'commandstats'))?.[1] ?? 0);
}

test('hello comes once, and a new state every second', async () => {
  const watching = await watch();
  await expect.poll(() => watching.states.length, { timeout: 60_000, interval: 50 }).toBeGreaterThanOrEqual(5);
  expect(watching.hellos).toHaveLength(1);
  expect(watching.hellos[0]?.snippets.length).toBeGreaterThan(0);
  const times = watching.states.map(({ at }) => at);
  const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThan(800);
  expect(Math.min(...gaps)).toBeLessThan(2000);
  expect(await watching.seen(({ health }) => health === 'ok')).toMatchObject({
    stack: stack.name,
    health: 'ok',
    findings: [],
    moves: [],
    slots: [
      { start: 0, end: 5460, node: 'redis-1' },
      { start: 5461, end: 10_922, node: 'redis-2' },
      { start: 10_923, end: 16_383, node: 'redis-3' },
    ],
    nodes: stack.ips.map((ip, index) => ({
      name: `redis-${index + 1}`,
      address: `${ip}:6379`,
      hostAddress: `127.0.0.1:${stack.ports[index * 2]}`,
      state: 'up',
      role: 'primary',
    })),
  });
});

test('two who watch get the same, for the price of one, and at once', async () => {
  const one = await watch();
  await one.seen(() => true);
  const seenBefore = one.states.length;
  const before = await looks();
  const other = await watch();
  await expect.poll(() => other.states.length, { interval: 10, timeout: 10_000 }).toBeGreaterThan(0);
  await sleep(4000);
  // The last one may not have come to both yet.
  const shared = other.states.slice(0, -1);
  expect(shared.length).toBeGreaterThan(0);
  const seenByOne = new Map(one.states.map((state) => [state.at, state]));
  expect(shared.map(({ at }) => seenByOne.get(at))).toEqual(shared);
  const cost = (await looks()) - before;
  // One may be under way, and the last one on its way to here.
  await one.seen(() => true);
  expect(cost).toBeLessThanOrEqual(one.states.length - seenBefore + 1);
  one.leave();
  other.leave();
});

test('when the last one has left, nobody asks Redis any longer', async () => {
  const watching = await watch();
  await watching.seen(() => true);
  watching.leave();
  await sleep(1500);
  const before = await looks();
  await sleep(2500);
  expect(await looks()).toBe(before);
});

test('a node that stops is shown as down, with why, and as up when it is back', async () => {
  const watching = await watch();
  await watching.seen(({ health }) => health === 'ok');
  await stack.engine.stopContainer(stack.container(3), 10);
  // Its process ends a moment before the engine knows of it.
  const reason = 'its container is exited (exit code 0)';
  const down = await watching.seen(({ nodes: [, , third] }) => third?.state === 'down' && third.reason === reason);
  expect(down.health).toBe('failing');
  expect(down.nodes[2]).toMatchObject({ name: 'redis-3', slotCount: 5461 });
  expect(down.nodes[2]?.figures).toBeUndefined();
  expect(down.findings.length).toBeGreaterThan(0);
  await stack.engine.startContainer(stack.container(3));
  const back = await watching.seen(({ health }) => health === 'ok');
  expect(back.nodes[2]).toMatchObject({ state: 'up', lastFailure: { text: expect.stringContaining('exited') } });
  watching.leave();
});

test('a YAML file that is half written is told of, and the nodes stay; one that is whole again takes effect', async () => {
  const watching = await watch();
  const whole = readFileSync(stack.file, 'utf8');
  writeFileSync(stack.file, whole.replace('replicas: 0', 'replicas: none'));
  const words = /can't be followed: .*stack\.yaml.*replicas/;
  const stale = await watching.seen(
    ({ findings, nodes }) => words.test(findings[0]?.text ?? '') && nodes.every(({ state }) => state === 'up'),
  );
  expect(stale.nodes).toHaveLength(3);
  expect((await service.get('/redis-cluster/nodes')).status).toBe(200);

  const [plain, tls, bus] = await freePorts(3);
  const ip = stack.ips[0]?.replace(/\d+$/, '20');
  writeFileSync(
    stack.file,
    `${whole}    redis-4: { ip: ${ip}, ports: { plain: ${plain}, tls: ${tls}, bus: ${bus} } }\n`,
  );
  const more = await watching.seen(({ nodes }) => nodes.length === 4);
  expect(more.nodes[3]).toMatchObject({ name: 'redis-4', state: 'down', reason: 'its container is not there' });

  writeFileSync(stack.file, whole);
  await watching.seen(({ nodes, health }) => nodes.length === 3 && health === 'ok');
  watching.leave();
});

test('the whole cluster goes down and comes up, and whoever watches sees it without asking again', async () => {
  const watching = await watch();
  await stack.must('down');
  const gone = await watching.seen(({ headline }) => headline === `The stack ${stack.name} is not up`);
  expect(gone.health).toBe('failing');
  expect(gone.nodes.map(({ state }) => state)).toEqual(['down', 'down', 'down']);
  await stack.must('up');
  await watching.seen(({ health }) => health === 'ok');
  expect(watching.hellos).toHaveLength(1);
  watching.leave();
});

test('who leaves in the middle of an event, or never reads, troubles nobody', async () => {
  const sockets = Array.from({ length: 50 }, () => {
    const socket = connect({ host: '127.0.0.1', port: service.port });
    socket.on('error', () => undefined);
    socket.pause().write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    return socket;
  });
  const watching = await watch();
  await watching.seen(() => true);
  for (const socket of sockets.slice(0, 25)) socket.resetAndDestroy();
  await watching.seen(() => true);
  await watching.seen(() => true);
  for (const socket of sockets) socket.destroy();
  watching.leave();
  expect((await service.get('/readyz')).status).toBe(200);
});
