/** What somebody sees who looks at a stack from outside the program: straight at the engine and at each node. */
import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { parseNodeTable, slotMapText } from '../../src/cluster/nodes/node-table.ts';
import { parseClusterInfo } from '../../src/cluster/nodes/view.ts';
import { containerName, isOwn, volumeName } from '../../src/plan/model/names.ts';
import { parseSpec } from '../../src/spec/parse.ts';
import { primariesOf, type Spec } from '../../src/spec/spec.ts';
import { passwordOf } from './key-values.ts';
import { keysBelow } from './moving-keys.ts';
import type { TestStack } from './test-stack.ts';

/** Of slots all over the cluster, and some of its first slots, which a small move takes. */
const KEYS = [
  ...Array.from({ length: 52 }, (_, index) => `kept:${index}`),
  ...keysBelow(4, 2).map((key) => `kept:${key}`),
];
const valueOf = (key: string): string => `value of ${key}`;

export async function writeKeptKeys(stack: TestStack): Promise<void> {
  const counts = await withClients(stack, async (client) => {
    const pipeline = client.pipeline();
    for (const key of KEYS) pipeline.set(key, valueOf(key));
    // MOVED for those of other nodes.
    return ((await pipeline.exec()) ?? []).filter(([error]) => error === null).length;
  });
  const written = counts.reduce((sum, count) => sum + count, 0);
  if (written !== KEYS.length) throw new Error(`${written} of ${KEYS.length} keys were written`);
}

/** What isn't as it should be with a stack that is up, in words. @param holdsKeys those of `writeKeptKeys` */
export async function findTrouble(stack: TestStack, holdsKeys: boolean): Promise<string[]> {
  const spec = specOf(stack);
  const trouble = await findEngineTrouble(stack, spec);
  if (trouble.length > 0) return trouble;
  const nodes = await withClients(stack, look);
  const primaries = nodes.filter(({ table }) => table.myself.role === 'primary');
  if (primaries.length !== primariesOf(spec).length) trouble.push(`${primaries.length} primaries`);
  const map = nodes[0] === undefined ? '' : slotMapText(nodes[0].table);
  for (const { name, info, table } of nodes) {
    if (info.state !== 'ok' || info.slotsOk !== 16_384) trouble.push(`${name}: ${info.state}, ${info.slotsOk} slots`);
    if (table.rows.length !== spec.nodes.length) trouble.push(`${name} knows ${table.rows.length} nodes`);
    if (slotMapText(table) !== map) trouble.push(`${name} has another slot map`);
    for (const { slot, direction } of table.myself.openSlots) trouble.push(`${name}: ${slot} is ${direction}`);
  }
  return holdsKeys ? [...trouble, ...findKeyTrouble(primaries)] : trouble;
}

function findKeyTrouble(primaries: readonly Look[]): string[] {
  return KEYS.flatMap((key) => {
    const values = primaries.flatMap(({ values: held }) => held.get(key) ?? []);
    if (values.length !== 1) return [`${key} is on ${values.length} primaries`];
    return values[0] === valueOf(key) ? [] : [`${key} has another value`];
  });
}

/** What is there of a stack that is down, but for its volumes. */
export async function findRest({ engine, name: stack }: TestStack): Promise<string[]> {
  const [containers, networks] = [await engine.listContainers(), await engine.listNetworks()];
  return [...containers, ...networks].filter(isOwn(stack)).map(({ name }) => `${name} is still there`);
}

async function findEngineTrouble({ engine }: TestStack, spec: Spec): Promise<string[]> {
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  const idle = containers.filter(({ state }) => state !== 'running').map(({ name, state }) => `${name} is ${state}`);
  const networks = (await engine.listNetworks()).filter(isOwn(spec.name)).map(({ name }) => name);
  const volumes = (await engine.listVolumes()).filter(isOwn(spec.name)).map(({ name }) => name);
  const present = [...containers.map(({ name }) => name), ...networks, ...volumes];
  const wanted = [
    ...spec.nodes.map(({ name }) => containerName(spec.name, name)),
    spec.network.name,
    ...spec.nodes.map(({ name }) => volumeName(spec.name, name)),
  ];
  return [
    ...idle,
    ...wanted.filter((name) => !present.includes(name)).map((name) => `${name} is missing`),
    ...present.filter((name) => !wanted.includes(name)).map((name) => `${name} is left over`),
  ];
}

interface Look {
  readonly name: string;
  readonly info: ReturnType<typeof parseClusterInfo>;
  readonly table: ReturnType<typeof parseNodeTable>;
  /** Of the keys that are kept, those that this node holds. */
  readonly values: ReadonlyMap<string, string>;
}

async function look(client: Redis, name: string): Promise<Look> {
  const keys = await client.keys('kept:*');
  const values = await Promise.all(
    // One that is on its way would be said to be elsewhere, and is no copy of this node's.
    keys.map(async (key) => [key, (await client.get(key).catch(() => null)) ?? ''] as const),
  );
  return {
    name,
    info: parseClusterInfo(String(await client.call('CLUSTER', 'INFO'))),
    table: parseNodeTable(String(await client.call('CLUSTER', 'NODES'))),
    values: new Map(values),
  };
}

async function withClients<T>(stack: TestStack, work: (client: Redis, name: string) => Promise<T>): Promise<T[]> {
  const password = passwordOf(stack);
  return Promise.all(
    specOf(stack).nodes.map(async ({ name, ports }) => {
      const client = new Redis({
        host: '127.0.0.1',
        port: ports.plain,
        password,
        protocol: 2,
        lazyConnect: true,
        disableClientInfo: true,
        retryStrategy: () => null,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await work(client, name);
      } finally {
        client.disconnect();
      }
    }),
  );
}

export function specOf({ file }: TestStack): Spec {
  const parsed = parseSpec(readFileSync(file, 'utf8'));
  if ('spec' in parsed) return parsed.spec;
  throw new Error(parsed.problems.map(({ message }) => message).join('\n'));
}
