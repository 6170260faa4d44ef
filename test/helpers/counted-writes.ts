/**
 * An application in a process of its own, so that it can be where the nodes' published ports answer. It writes to three shards, one
 * key after the other, and counts a write when a replica has it, too (WAIT 1): Redis may lose others with a primary.
 * It lives on what `env --map --format json --reveal` prints. To stdout go its figures, several times a second; at a line on
 * stdin it stops, reads all that counts, and says in its last line what is lost.
 */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis, type NatMap } from 'ioredis';
import type { Figures, ShardFigures } from './counted-writer.ts';

const TAGS = ['user:1000', 'user:2000', 'user:3000'];
const PAUSE_MS = 10;
const REPLICA_MS = 200;
const ANSWER_MS = 1000;

interface Shard {
  readonly tag: string;
  /** Key number → its value; only what counts. */
  readonly counted: Set<number>;
  acknowledged: number;
  lastAt: number;
  longestMs: number;
  refused: number;
  lastFailure: string;
}

const natMap = JSON.parse(process.env['REDIS_NAT_MAP'] ?? '{}') as Exclude<NatMap, (...args: never[]) => unknown>;
const entrances = (process.env['REDIS_CLUSTER_NODES'] ?? '').split(',');
const clients = new Map<string, Redis>();
const shards = TAGS.map((tag): Shard => ({
  tag,
  counted: new Set(),
  acknowledged: 0,
  lastAt: performance.now(),
  longestMs: 0,
  refused: 0,
  lastFailure: '',
}));

function clientOf(entrance: string): Redis {
  const [host = '', port] = entrance.split(':');
  const password = process.env['REDIS_PASSWORD'] ?? '';
  const options = {
    protocol: 2,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
    maxRetriesPerRequest: 0,
  } as const;
  const client =
    clients.get(entrance) ?? new Redis({ ...options, host, port: Number(port), password, retryStrategy: () => null });
  client.on('error', () => undefined);
  clients.set(entrance, client);
  return client;
}

/** Where the last answer led; any other after a failure. */
const owners = new Map<string, string>();
let turns = 0;
async function withOwner<T>(tag: string, work: (client: Redis) => Promise<T>): Promise<T> {
  const entrance = owners.get(tag) ?? entrances[(turns += 1) % entrances.length] ?? '';
  try {
    const result = await work(clientOf(entrance));
    owners.set(tag, entrance);
    return result;
  } catch (error) {
    const [, moved = ''] = /^MOVED \d+ (\S+)/.exec(error instanceof Error ? error.message : '') ?? [];
    const next = natMap[moved];
    if (next === undefined) {
      owners.delete(tag);
      clients.get(entrance)?.disconnect();
      clients.delete(entrance);
    } else owners.set(tag, `${next.host}:${next.port}`);
    throw error;
  }
}

const keyOf = (tag: string, number: number): string => `counted:{${tag}}:${process.pid}:${number}`;
const stopping = new AbortController();

async function write(shard: Shard): Promise<void> {
  for (let number = 1; !stopping.signal.aborted; number += 1) {
    try {
      const replies = await withOwner(shard.tag, async (client) => {
        const answers =
          (await client.pipeline().set(keyOf(shard.tag, number), number).call('WAIT', 1, REPLICA_MS).exec()) ?? [];
        const [failure] = answers[0] ?? [new Error('no answer')];
        if (failure !== null) throw failure;
        return answers;
      });
      shard.acknowledged += 1;
      const now = performance.now();
      shard.longestMs = Math.max(shard.longestMs, now - shard.lastAt);
      shard.lastAt = now;
      if (replies[1]?.[0] === null && Number(replies[1][1]) >= 1) shard.counted.add(number);
    } catch (error) {
      shard.lastFailure = String(error);
      if (shard.lastFailure.includes('CLUSTERDOWN')) shard.refused += 1;
    }
    await sleep(PAUSE_MS);
  }
}

function figures(lost?: readonly string[]): Figures {
  const now = performance.now();
  const entries = shards.map(
    ({ tag, counted, acknowledged, lastAt, longestMs, refused, lastFailure }): [string, ShardFigures] => {
      const silentMs = now - lastAt;
      return [
        tag,
        {
          acknowledged,
          counted: counted.size,
          silentMs,
          longestMs: Math.max(longestMs, silentMs),
          refused,
          lastFailure,
        },
      ];
    },
  );
  return { shards: Object.fromEntries(entries), ...(lost === undefined ? {} : { lost }) };
}

const AT_ONCE = 500;

async function findLost({ tag, counted }: Shard): Promise<string[]> {
  const numbers = [...counted];
  const lost: string[] = [];
  while (numbers.length > 0) {
    const some = numbers.splice(0, AT_ONCE);
    const keys = some.map((number) => keyOf(tag, number));
    const values = await withOwner(tag, (client) => client.mget(keys)).catch(() => undefined);
    if (values !== undefined) lost.push(...keys.filter((_key, index) => values[index] !== String(some[index])));
    else {
      numbers.push(...some);
      await sleep(PAUSE_MS);
    }
  }
  return lost;
}

const say = (text: Figures): void => void process.stdout.write(`${JSON.stringify(text)}\n`);

async function run(): Promise<void> {
  const writers = shards.map(write);
  const ticker = setInterval(() => say(figures()), 100);
  await once(process.stdin, 'data');
  stopping.abort();
  await Promise.all(writers);
  clearInterval(ticker);
  const last = figures();
  say({ ...last, lost: (await Promise.all(shards.map(findLost))).flat() });
  process.exit(0);
}

void run();
