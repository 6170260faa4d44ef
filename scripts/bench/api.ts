import { isDeepStrictEqual } from 'node:util';
import { setTimeout as pause } from 'node:timers/promises';
import { hasManage, runManageUp } from './support/command.ts';
import { sideBySide, takeTurns, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { openEventStreams } from './support/event-streams.ts';
import {
  connectionOf,
  describePython,
  findPython,
  startFastApi,
  startOurs,
  type FastApi,
  type ServedStack,
} from './support/inspection-services.ts';
import { findLoad, type Load, type LoadResult } from './support/load.ts';
import { cpuPercent, residentMiB } from './support/process-figures.ts';
import type { Row } from './support/rows.ts';
import type { Service } from './support/service.ts';
import { clearStack, freshStateFolder, prepareStack } from './support/stacks.ts';

/** Five endpoints, two services, rates and quantiles that vary little. */
const MOST_ROUNDS = 3;
const LOAD_SECONDS = 2;
const WARM_UP_SECONDS = 1;

const PAGE_COUNT = 100;
const WATCH_MS = 8000;
/** What it takes to open the pages isn't what they cost. */
const SETTLE_MS = 1500;

/** The inspection API beside the same five endpoints in FastAPI, and what its page costs. */
export async function benchApi(bench: Bench): Promise<Row[]> {
  if (!hasManage(bench, 'api')) return [];
  const python = await findPython(bench);
  if (python === undefined) {
    bench.note('api: no python3 with fastapi, uvicorn and redis; the part is left out');
    return [];
  }
  bench.note(`api: ${await describePython(bench, python)}`);
  const stack = { ...(await prepareStack(bench, 'bench-api')), stateFolder: await freshStateFolder(bench) };
  await runManageUp(bench, stack, stack.stateFolder);
  const peer = { python, connection: await connectionOf(bench, stack) };
  const start = await benchStart(bench, stack, peer);
  const services: Service[] = [];
  try {
    const ours = await startOurs(bench, stack);
    services.push(ours);
    const pages = await benchPages(bench, ours);
    const fastApi = await startFastApi(bench, peer);
    services.push(fastApi);
    const endpoints = await benchEndpoints(bench, ours, fastApi);
    const memory: Row = {
      part: 'api',
      what: 'memory held after all that, by FastAPI',
      unit: 'MiB',
      ours: [residentMiB(ours.pid)],
      other: [residentMiB(fastApi.pid)],
    };
    return [...endpoints, pages, start, memory];
  } finally {
    await Promise.all(services.map((service) => service.stop()));
    await clearStack(bench.engine, stack.spec.name);
  }
}

async function benchEndpoints(bench: Bench, ours: Service, fastApi: Service): Promise<Row[]> {
  const load = await findLoad(bench);
  const rows: Row[] = [];
  for (const path of await pathsOf(ours)) {
    await requireSameAnswer(path, ours, fastApi);
    for (const { url } of [ours, fastApi]) await load(`${url}${path}`, WARM_UP_SECONDS);
    const times = await takeTurns(
      bench,
      `api ${path}`,
      { ours: () => loadOne(load, ours, path), fastApi: () => loadOne(load, fastApi, path) },
      loadedText,
      { counted: Math.min(bench.rounds, MOST_ROUNDS), warmUp: false },
    );
    const row = (
      what: string,
      valueOf: (result: LoadResult) => number,
    ): Pick<Row, 'part' | 'what' | 'ours' | 'other'> => ({
      part: 'api',
      what: `GET ${path}, ${what}`,
      ours: times.ours.map(valueOf),
      other: times.fastApi.map(valueOf),
    });
    rows.push(
      {
        ...row('requests, by FastAPI', ({ requestsPerSecond }) => requestsPerSecond),
        unit: '/s',
        target: { type: 'times more', factor: 5 },
      },
      { ...row('p99, by FastAPI', ({ p99Ms }) => p99Ms), target: { type: 'lower' } },
    );
  }
  return rows;
}

/** Near 100 %, it was the service that could do no more. What a request costs it others on the machine hardly change. */
interface Loaded extends LoadResult {
  readonly cpuPercent: number;
}

async function loadOne(load: Load, { pid, url }: Service, path: string): Promise<Loaded> {
  let result: LoadResult = { requestsPerSecond: Number.NaN, p99Ms: Number.NaN };
  const percent = await cpuPercent(pid, async () => {
    result = await load(`${url}${path}`, LOAD_SECONDS);
  });
  return { ...result, cpuPercent: percent };
}

function loadedText({ requestsPerSecond, p99Ms, cpuPercent: percent }: Loaded): string {
  const microseconds = ((percent / 100) * 1e6) / requestsPerSecond;
  const cost = `${percent.toFixed(0)} % of a core, ${microseconds.toFixed(0)} µs a request`;
  return `${requestsPerSecond.toFixed(0)} requests/s, p99 ${p99Ms.toFixed(1)} ms, ${cost}`;
}

async function pathsOf({ url }: Service): Promise<string[]> {
  const { nodes } = (await getJson(`${url}/redis-cluster/nodes`)) as { nodes: { ip: string; port: number }[] };
  const [first] = nodes;
  if (first === undefined) throw new Error('the cluster has no nodes');
  const paths = ['info', 'nodes', `node/${first.ip}:${first.port}`, 'slots', 'key-slot?key=user:1000'];
  return paths.map((path) => `/redis-cluster/${path}`);
}

const CHANGING = new Set(['used_memory', 'used_memory_human', 'total_commands_processed']);

/** Two that don't answer the same are no contest. Figures that change from moment to moment may differ. */
async function requireSameAnswer(path: string, ours: Service, fastApi: Service): Promise<void> {
  const [one, other] = await Promise.all([getJson(`${ours.url}${path}`), getJson(`${fastApi.url}${path}`)]);
  if (isDeepStrictEqual(steady(one), steady(other))) return;
  throw new Error(`${path}: ours is ${JSON.stringify(one)}, FastAPI's ${JSON.stringify(other)}`);
}

function steady(answer: unknown): unknown {
  const { nodes, ...rest } = answer as { nodes?: { id: string }[] };
  return {
    ...Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, CHANGING.has(name) ? '' : value])),
    // A node lists them in an order of its own.
    nodes: nodes?.toSorted((one, other) => one.id.localeCompare(other.id)),
  };
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function benchPages(bench: Bench, ours: Service): Promise<Row> {
  const watched =
    (count: number): Run =>
    async () => {
      const streams = await openEventStreams(ours.url, count);
      try {
        await pause(SETTLE_MS);
        return await cpuPercent(ours.pid, () => pause(WATCH_MS, undefined, { signal: bench.signal }));
      } finally {
        streams.close();
      }
    };
  const contenders = { many: watched(PAGE_COUNT), one: watched(1) };
  const percent = (value: number): string => `${value.toFixed(1)} % of a core`;
  const times = await takeTurns(bench, 'api, open pages', contenders, percent, { counted: 1, warmUp: false });
  return {
    part: 'api',
    what: `${PAGE_COUNT} open pages, by one`,
    unit: '% of a core',
    ours: times.many,
    other: times.one,
    target: { type: 'below', value: 5 },
  };
}

async function benchStart(bench: Bench, stack: ServedStack, peer: FastApi): Promise<Row> {
  const started =
    (start: () => Promise<Service>): Run =>
    async () => {
      let service: Service | undefined;
      const ms = await timed(async () => {
        service = await start();
      });
      await service?.stop();
      return ms;
    };
  const contenders = {
    ours: started(() => startOurs(bench, stack, { typed: true })),
    fastApi: started(() => startFastApi(bench, peer)),
  };
  const times = await sideBySide(bench, 'api, start', contenders, {
    counted: Math.min(bench.rounds, MOST_ROUNDS),
    warmUp: false,
  });
  return {
    part: 'api',
    what: 'the whole command until it listens, by uvicorn',
    ours: times.ours,
    other: times.fastApi,
  };
}
