/**
 * Runs the real clients from the registries of their languages, and writes the tables in docs/connect.md: the connection snippets
 * as they are printed, and programs that have no map of addresses, each on a stack of its own.
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
import { connectCluster, fill, findMissing } from '../test/helpers/cluster-client.ts';
import { makeStack, type TestStack } from '../test/helpers/test-stack.ts';
import { failOver, killPrimary, moveSlots } from './clients/changes.ts';
import { CLIENTS, nameOf, type Client } from './clients/clients.ts';
import { openLoopback } from './clients/loopback.ts';
import { goesOnDuring, readsAndWrites, showsCertificate, verifies, GOES_ON, WORKS } from './clients/stories.ts';
import type { Place } from './clients/program.ts';
import { withRows, type Row, type Table } from './clients/table.ts';
import { UNMAPPED } from './clients/unmapped/clients.ts';
import { isExpectedRow, runUnmapped, UNMAPPED_TABLE } from './clients/unmapped/run.ts';

const PAGE = 'docs/connect.md';
const CACHE = join(cacheFolder(process.env), 'clients');
const SNIPPETS: Table = {
  mark: 'snippets',
  columns: ['plain', 'TLS', 'client certificate', 'failover', 'reshard', 'primary killed'],
};
const KEYS = 20_000;
const NOT_RUN = '–';

async function run(): Promise<number> {
  const wanted = process.argv.slice(2);
  const wordsOf = ({ language, snippet }: Client): string[] => [language, snippet];
  const words = new Set([...CLIENTS.flatMap(wordsOf), ...UNMAPPED.flatMap((client) => client.words)]);
  const unknown = wanted.filter((word) => !words.has(word));
  if (unknown.length > 0) {
    console.error(`✗ no clients in ${unknown.join(', ')}\n  → npm run clients -- [${[...words].join('] [')}]`);
    return 2;
  }
  const isMeant = (own: readonly string[]): boolean => wanted.length === 0 || wanted.some((word) => own.includes(word));
  const snippets = await runSnippets(CLIENTS.filter((client) => isMeant(wordsOf(client))));
  await write(SNIPPETS, CLIENTS.map(nameOf), snippets);
  const unmapped = await runUnmapped(
    UNMAPPED.filter((client) => isMeant(client.words)),
    CACHE,
    runText(),
  );
  await write(
    UNMAPPED_TABLE,
    UNMAPPED.map(({ name }) => name),
    unmapped,
  );
  return snippets.every(({ cells }) => cells.every(isExpected)) && unmapped.every(isExpectedRow) ? 0 : 1;
}

async function write(table: Table, order: readonly string[], rows: readonly Row[]): Promise<void> {
  writeFileSync(PAGE, withRows(readFileSync(PAGE, 'utf8'), table, order, rows));
  await $`npx prettier --write ${PAGE}`.quiet();
}

async function runSnippets(clients: readonly Client[]): Promise<Row[]> {
  if (clients.length === 0) return [];
  const stack = await makeStack({ nodeCount: 6, replicas: 1 });
  const loopback = await openLoopback(stack.ports.map((port) => ({ port })));
  try {
    const places: Visited[] = [];
    for (const client of clients) {
      const folder = join(CACHE, nameOf(client).replaceAll(/\W+/g, '-'));
      mkdirSync(folder, { recursive: true });
      const version = await client.install(folder);
      if (version === undefined) console.error(`- ${nameOf(client)}: this machine lacks what it needs`);
      else places.push({ client, folder, loopback, version });
    }
    return await walk(stack, places);
  } finally {
    await loopback.close();
    await stack.remove();
  }
}

/** While a primary is gone, its slots are not served. */
function isExpected(cell: string, column: number): boolean {
  if (SNIPPETS.columns[column] === 'primary killed' && cell.startsWith(GOES_ON)) return true;
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

function runText(): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  return `${new Date().toISOString().slice(0, 10)}, ${commit}`;
}

void run().then((exitCode) => {
  process.exitCode = exitCode;
});
