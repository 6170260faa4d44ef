/**
 * Runs the connection snippets as they are printed, with the real clients from the registries of their languages, on a stack of
 * its own, and writes the table in docs/connect.md.
 *
 *     npm run clients                all of them: minutes on two cores
 *     npm run clients -- go Jedis    those of these languages and names; the others keep their rows, as do those that this machine
 *                                    can't build
 *
 * Needs Linux. A client is kept in ~/.cache/redis-cluster-as-code/clients, pinned by the files in scripts/clients.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx';
import { readConnection } from '../src/stack/connect/connection.ts';
import { cacheFolder } from '../src/user-folders.ts';
import { poll } from '../src/poll.ts';
import { connectCluster, fill, findMissing } from '../test/helpers/cluster-client.ts';
import { dockerOf, makeStack, type TestStack } from '../test/helpers/test-stack.ts';
import { CLIENTS, nameOf, type Client } from './clients/clients.ts';
import { openLoopback } from './clients/loopback.ts';
import { goesOnDuring, readsAndWrites, showsCertificate, verifies, GOES_ON, WORKS } from './clients/stories.ts';
import type { Place } from './clients/program.ts';
import { COLUMNS, withRows, type Row } from './clients/table.ts';

const PAGE = 'docs/connect.md';
const CACHE = join(cacheFolder(process.env), 'clients');
const KEYS = 20_000;
const NOT_RUN = '–';

async function run(): Promise<number> {
  const wanted = process.argv.slice(2);
  const isMeant = ({ language, snippet }: Client, word: string): boolean => [language, snippet].includes(word);
  const unknown = wanted.filter((word) => !CLIENTS.some((client) => isMeant(client, word)));
  if (unknown.length > 0) {
    const words = new Set(CLIENTS.flatMap(({ language, snippet }) => [language, snippet]));
    console.error(`✗ no clients in ${unknown.join(', ')}\n  → npm run clients -- [${[...words].join('] [')}]`);
    return 2;
  }
  const stack = await makeStack({ nodeCount: 6, replicas: 1 });
  const loopback = await openLoopback(stack.ports);
  try {
    const places: Visited[] = [];
    for (const client of CLIENTS.filter((one) => wanted.length === 0 || wanted.some((word) => isMeant(one, word)))) {
      const folder = join(CACHE, nameOf(client).replaceAll(/\W+/g, '-'));
      mkdirSync(folder, { recursive: true });
      const version = await client.install(folder);
      if (version === undefined) console.error(`- ${nameOf(client)}: this machine lacks what it needs`);
      else places.push({ client, folder, loopback, version });
    }
    const rows = await walk(stack, places);
    writeFileSync(PAGE, withRows(readFileSync(PAGE, 'utf8'), CLIENTS.map(nameOf), rows));
    await $`npx prettier --write ${PAGE}`.quiet();
    return rows.every(({ cells }) => cells.every(isExpected)) ? 0 : 1;
  } finally {
    await loopback.close();
    await stack.remove();
  }
}

/** While a primary is gone, its slots are not served. */
function isExpected(cell: string, column: number): boolean {
  if (COLUMNS[column] === 'primary killed' && cell.startsWith(GOES_ON)) return true;
  return cell === WORKS || cell === NOT_RUN || cell.startsWith("can't");
}

type Visited = Place & { readonly version: string };

async function walk(stack: TestStack, places: readonly Visited[]): Promise<Row[]> {
  await stack.must('up');
  const cluster = await connectCluster(stack);
  try {
    await fill(cluster, KEYS);
    const connection = await readConnection(await stack.session(), 'map');
    const findLost = async (written: ReadonlyMap<string, string>): Promise<number> => {
      const values = await Promise.all([...written].map(async ([key, value]) => (await cluster.get(key)) === value));
      return values.filter((isThere) => !isThere).length;
    };
    const before: string[][] = [];
    for (const place of places) {
      const { client, version } = place;
      console.error(`${nameOf(client)} ${version}`);
      const plain = await readsAndWrites(place, connection);
      if (plain !== WORKS) {
        before.push([client.cannot === undefined ? plain : `can't: ${client.cannot}`]);
        continue;
      }
      const tls = await verifies(place, connection, stack.folder);
      const failover = await goesOnDuring(place, connection, () => failOver(stack), findLost);
      const reshard = await goesOnDuring(place, connection, () => moveSlots(stack), findLost);
      const killed = await goesOnDuring(place, connection, () => killPrimary(stack), findLost);
      await stack.must('up');
      before.push([plain, tls, failover, reshard, killed]);
    }
    stack.edit((yaml) => yaml.replace('tls: {}', 'tls: { clientAuth: yes }'));
    await stack.must('up');
    const asking = await readConnection(await stack.session(), 'map');
    const rows: Row[] = [];
    for (const [index, place] of places.entries()) {
      const [plain = '', tls = NOT_RUN, ...changes] = before[index] ?? [];
      const certificate = plain === WORKS ? await showsCertificate(place, asking) : NOT_RUN;
      const { client, version } = place;
      rows.push({
        client: nameOf(client),
        version,
        cells: [plain, tls, certificate, ...(changes.length === 0 ? [NOT_RUN, NOT_RUN, NOT_RUN] : changes)],
        run: runText(),
      });
    }
    const missing = await findMissing(cluster, KEYS);
    if (missing.length > 0) throw new Error(`${missing.length} keys that were there before are lost`);
    return rows;
  } finally {
    cluster.disconnect();
  }
}

async function failOver(stack: TestStack): Promise<void> {
  const replica = (await roles(stack)).find(({ isPrimary }) => !isPrimary);
  await stack.must('cluster', 'failover', replica?.name ?? '');
}

/** All slots of one primary, and back. */
async function moveSlots(stack: TestStack): Promise<void> {
  const [from = '', to = ''] = (await roles(stack)).flatMap(({ name, isPrimary }) => (isPrimary ? [name] : []));
  const slots = ['--slots', '5000'];
  await stack.must('cluster', 'reshard', '--from', from, '--to', to, ...slots);
  await stack.must('cluster', 'reshard', '--from', to, '--to', from, ...slots);
}

/** Until a replica has taken over. */
async function killPrimary(stack: TestStack): Promise<void> {
  const before = await roles(stack);
  const killed = before.findIndex(({ isPrimary }) => isPrimary);
  await dockerOf(stack.engine)
    .getContainer(stack.container(killed + 1))
    .kill();
  const isPrimary = (role: { readonly isPrimary: boolean }): boolean => role.isPrimary;
  await poll(
    () => roles(stack, killed),
    (now) => now.filter(isPrimary).length === before.filter(isPrimary).length,
    { signal: new AbortController().signal, timeoutMs: 60_000 },
  );
}

async function roles(
  stack: TestStack,
  without?: number,
): Promise<{ readonly name: string; readonly isPrimary: boolean }[]> {
  const alive = stack.ips.flatMap((_, index) => (index === without ? [] : [index + 1]));
  return Promise.all(
    alive.map(async (node) => {
      const role = await stack.redis(node, 'ROLE');
      return { name: `redis-${node}`, isPrimary: role.startsWith('master') };
    }),
  );
}

function runText(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return `${new Date().toISOString().slice(0, 10)}, ${commit}`;
}

void run().then((exitCode) => {
  process.exitCode = exitCode;
});
