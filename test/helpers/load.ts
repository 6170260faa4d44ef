/** Clients that write and read without pause, and know what they must read. */
import { randomBytes } from 'node:crypto';
import type { RedisCommand } from '../../src/redis/node-link.ts';
import type { LoadClient } from './load-client.ts';

export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface Load {
  /** Operations since the last call that were answered, and how long they took. */
  measure(): Latency;
  /** How many operations since the last `measure` were answered. */
  count(): number;
  /** What any client met that it shouldn't have: an error after following redirects, or another value than its own. */
  readonly surprises: readonly string[];
  stop(): Promise<void>;
  /** Reads everything that was acknowledged. @returns what is missing or different */
  findLost(): Promise<string[]>;
}

/** One kind of data of one client. No other touches it, so what it must read is exactly known. */
interface Worker {
  /** So that commands for several keys never meet a slot in which only some of them were ever written. */
  prepare(): Promise<unknown>;
  /** @returns what was read and should have been different */
  step(turn: number): Promise<string | undefined>;
  findLost(): Promise<string[]>;
}

/** As many commands of each kind a client has on their way at a time. */
const WORKERS_A_KIND = 2;
const KINDS = [strings, counters, lists, pairs, scripts];

/** @param name in every key; no two loads share one */
export async function startLoad(name: string, clients: readonly LoadClient[]): Promise<Load> {
  const workers = clients.flatMap((client, index) =>
    Array.from({ length: WORKERS_A_KIND }, (_, number) =>
      KINDS.map((kind) => kind(client, `${name}${index}.${number}`)),
    ).flat(),
  );
  await Promise.all(workers.map((worker) => worker.prepare()));
  const surprises: string[] = [];
  let latencies: number[] = [];
  const stopping = new AbortController();
  const run = async (worker: Worker): Promise<void> => {
    for (let turn = 0; !stopping.signal.aborted; turn += 1) {
      const start = performance.now();
      const surprise = await worker.step(turn).catch(String);
      latencies.push(performance.now() - start);
      if (surprise !== undefined) surprises.push(surprise);
    }
  };
  const running = workers.map(run);
  return {
    measure: () => {
      const sorted = latencies.toSorted((one, other) => one - other);
      latencies = [];
      const at = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
      return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
    },
    count: () => latencies.length,
    surprises,
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
    },
    findLost: async () => (await Promise.all(workers.map((worker) => worker.findLost()))).flat(),
  };
}

function strings(client: LoadClient, name: string): Worker {
  const values = Array.from({ length: 100 }, () => randomBytes(64));
  const keyOf = (index: number): string => `${name}:string:${index}`;
  const check = async (index: number): Promise<string | undefined> => {
    const value = await client.send(keyOf(index), ['GET', keyOf(index)]);
    const isSame = Buffer.isBuffer(value) && value.equals(values[index] ?? Buffer.of());
    return isSame ? undefined : `${keyOf(index)} has another value`;
  };
  const write = (index: number, value: Buffer): Promise<unknown> =>
    client.send(keyOf(index), ['SET', keyOf(index), value]);
  return {
    prepare: () => Promise.all(values.map((value, index) => write(index, value))),
    step: async (turn) => {
      const index = turn % values.length;
      // Written and read in turns, with all others between.
      if (Math.floor(turn / values.length) % 2 === 1) return check(index);
      const value = randomBytes(64);
      await write(index, value);
      values[index] = value;
      return undefined;
    },
    findLost: async () => defined(await Promise.all(values.map((_, index) => check(index)))),
  };
}

function counters(client: LoadClient, name: string): Worker {
  const counts = Array.from({ length: 50 }, () => 0);
  const keyOf = (index: number): string => `${name}:counter:${index}`;
  return {
    prepare: () => Promise.resolve(),
    step: async (turn) => {
      const index = turn % counts.length;
      const count = Number(await client.send(keyOf(index), ['INCR', keyOf(index)]));
      counts[index] = (counts[index] ?? 0) + 1;
      return count === counts[index] ? undefined : `${keyOf(index)} went to ${count} in place of ${counts[index]}`;
    },
    findLost: async () => {
      const found = await Promise.all(counts.map((_, index) => client.send(keyOf(index), ['GET', keyOf(index)])));
      return defined(
        counts.map((count, index) => {
          if (Number(found[index]) === count) return undefined;
          return `${keyOf(index)} is ${String(found[index])} in place of ${count}`;
        }),
      );
    },
  };
}

function lists(client: LoadClient, name: string): Worker {
  const lengths = Array.from({ length: 50 }, () => 0);
  const keyOf = (index: number): string => `${name}:list:${index}`;
  const elementOf = (index: number, position: number): string => `${name} ${index} ${position}`;
  return {
    prepare: () => Promise.resolve(),
    step: async (turn) => {
      const index = turn % lengths.length;
      const element = elementOf(index, lengths[index] ?? 0);
      const length = await client.send(keyOf(index), ['RPUSH', keyOf(index), element]);
      lengths[index] = (lengths[index] ?? 0) + 1;
      return length === lengths[index]
        ? undefined
        : `${keyOf(index)} has ${String(length)} elements for ${lengths[index]}`;
    },
    findLost: async () => {
      const found = await Promise.all(
        lengths.map((_, index) => client.send(keyOf(index), ['LRANGE', keyOf(index), 0, -1])),
      );
      return defined(
        lengths.map((length, index) => {
          const wanted = Array.from({ length }, (_, position) => elementOf(index, position));
          return String(found[index]) === wanted.join() ? undefined : `${keyOf(index)} has other elements`;
        }),
      );
    },
  };
}

/** Two keys of one hash tag in one command. */
function pairs(client: LoadClient, name: string): Worker {
  const versions = Array.from({ length: 50 }, () => 0);
  const keysOf = (index: number): [string, string] => [`{${name}:pair:${index}}a`, `{${name}:pair:${index}}b`];
  const valuesOf = (index: number): [string, string] => [`a ${versions[index]}`, `b ${versions[index]}`];
  const write = async (index: number): Promise<void> => {
    const [one, other] = keysOf(index);
    const version = (versions[index] ?? 0) + 1;
    await client.send(one, ['MSET', one, `a ${version}`, other, `b ${version}`]);
    versions[index] = version;
  };
  const check = async (index: number): Promise<string | undefined> => {
    const found = String(await client.send(keysOf(index)[0], ['MGET', ...keysOf(index)]));
    return found === valuesOf(index).join() ? undefined : `${keysOf(index).join()} are ${found}`;
  };
  return {
    prepare: () => Promise.all(versions.map((_, index) => write(index))),
    step: async (turn) => {
      const index = turn % versions.length;
      if (Math.floor(turn / versions.length) % 2 === 1) return check(index);
      await write(index);
      return undefined;
    },
    findLost: async () => defined(await Promise.all(versions.map((_, index) => check(index)))),
  };
}

const SCRIPT = `redis.call('SET', KEYS[2], ARGV[1]) return redis.call('INCR', KEYS[1])`;

/** Lua that writes two keys of one hash tag. */
function scripts(client: LoadClient, name: string): Worker {
  const counts = Array.from({ length: 50 }, () => 0);
  const keysOf = (index: number): [string, string] => [`{${name}:script:${index}}n`, `{${name}:script:${index}}v`];
  const run = async (index: number): Promise<string | undefined> => {
    const wanted = (counts[index] ?? 0) + 1;
    const command: RedisCommand = ['EVAL', SCRIPT, 2, ...keysOf(index), `run ${wanted}`];
    const count = await client.send(keysOf(index)[0], command);
    counts[index] = wanted;
    return count === wanted ? undefined : `${keysOf(index)[0]} went to ${String(count)} in place of ${wanted}`;
  };
  return {
    prepare: () => Promise.all(counts.map((_, index) => run(index))),
    step: (turn) => run(turn % counts.length),
    findLost: async () => {
      const read = (index: number): Promise<unknown> => client.send(keysOf(index)[0], ['MGET', ...keysOf(index)]);
      const found = (await Promise.all(counts.map((_, index) => read(index)))).map(String);
      return defined(
        counts.map((count, index) => {
          const wanted = [String(count), `run ${count}`].join();
          return found[index] === wanted ? undefined : `${keysOf(index).join()} are ${found[index]}`;
        }),
      );
    },
  };
}

function defined<T>(values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}
