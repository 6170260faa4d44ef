/** Every client by every way, and in a few words what came of it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { readConnection } from '../../../src/stack/connect/connection.ts';
import { openPrivateAuthority } from '../../../src/tls/private-ca.ts';
import { makeStack } from '../../../test/helpers/test-stack.ts';
import { failOver, moveSlots } from '../changes.ts';
import { GOES_ON, shortened, WORKS } from '../stories.ts';
import type { Row, Table } from '../table.ts';
import type { UnmappedClient } from './clients.ts';
import { refuses, startVisit, type Report, type Visitor } from './visit.ts';
import { PORTS, WAYS, type Port, type Way } from './ways.ts';

export const UNMAPPED_TABLE: Table = {
  mark: 'unmapped',
  columns: ['its own option for a map', ...WAYS.map(({ name }) => name)],
};

/** Writes in a row, before what happens meanwhile and after it. */
const SOME = 100;

/** @param cache the folder in which clients are kept */
export async function runUnmapped(clients: readonly UnmappedClient[], cache: string, run: string): Promise<Row[]> {
  if (clients.length === 0) return [];
  const guests: Guest[] = [];
  for (const client of clients) {
    const folder = join(cache, `unmapped-${client.name.replaceAll(/\W+/g, '-')}`);
    mkdirSync(folder, { recursive: true });
    const version = await client.install(folder);
    if (version === undefined) console.error(`- ${client.name}: this machine lacks what it needs`);
    else guests.push({ client, folder, version });
  }
  const ways: ReadonlyMap<string, string>[] = [];
  for (const way of WAYS) ways.push(await walk(way, guests));
  return guests.map(({ client, version }) => ({
    client: client.name,
    version,
    cells: [client.mapOption ?? 'none', ...ways.map((cells) => cells.get(client.name) ?? '')],
    run,
  }));
}

/** No write was lost, and each failover that ends a client is in the row. */
export function isExpectedRow({ cells: [, ...ways] }: Row): boolean {
  return ways.every((cell) => cell.startsWith(WORKS));
}

type Guest = Pick<Visitor, 'client' | 'folder'> & { readonly version: string };

/** All at once. @returns of each client, what came of it */
async function walk({ name, access, open }: Way, guests: readonly Guest[]): Promise<ReadonlyMap<string, string>> {
  console.error(name);
  const stack = await makeStack({ nodeCount: 6, replicas: 1, access });
  try {
    await stack.must('up');
    const room = await open(stack);
    try {
      const { password, tls } = await readConnection(await stack.session(), 'map');
      const visitors = guests.map((guest) => ({
        ...guest,
        room,
        password: password.reveal(),
        ca: tls?.files.ca ?? '',
      }));
      const all = await visitDuring(visitors, [() => failOver(stack), () => moveSlots(stack)]);
      // What a failover ended may go on during a move of slots.
      const again = await visitDuring(
        visitors.filter(({ client }) => PORTS.some((port) => all.get(client.name)?.[port].ended !== undefined)),
        [() => moveSlots(stack)],
      );
      const stranger = join(stack.folder, 'stranger');
      await openPrivateAuthority(stranger, { stack: 'stranger', nowMs: Date.now() });
      const cells = new Map<string, string>();
      for (const visitor of visitors) {
        const { client } = visitor;
        const found = inWords(all.get(client.name), again.get(client.name));
        const verifies = !found.startsWith(WORKS) || (await refuses({ ...visitor, ca: join(stranger, 'ca.crt') }));
        cells.set(client.name, verifies ? found : 'accepts another authority');
        console.error(`  ${client.name}: ${cells.get(client.name)}`);
      }
      return cells;
    } finally {
      await room.close();
    }
  } finally {
    await stack.remove();
  }
}

type Reports = Readonly<Record<Port, Report>>;

/** At both ports. */
async function visitDuring(
  visitors: readonly Visitor[],
  changes: readonly (() => Promise<unknown>)[],
): Promise<ReadonlyMap<string, Reports>> {
  const visits = visitors.map((visitor) => ({
    name: visitor.client.name,
    plain: startVisit(visitor, 'plain'),
    tls: startVisit(visitor, 'tls'),
  }));
  const goOn = (): Promise<unknown> =>
    Promise.all(visits.flatMap(({ plain, tls }) => [plain.goOn(SOME), tls.goOn(SOME)]));
  if (visits.length > 0) await goOn();
  for (const change of visits.length > 0 ? changes : []) {
    await change();
    await goOn();
  }
  const ended = visits.map(
    async ({ name, plain, tls }) => [name, { plain: await plain.end(), tls: await tls.end() }] as const,
  );
  return new Map(await Promise.all(ended));
}

function inWords(first: Reports | undefined, withoutFailover: Reports | undefined): string {
  const [plain, tls] = PORTS.map((port) => (first === undefined ? '' : inAWord(first[port])));
  const found = plain === tls ? plain : `plain: ${plain}; TLS: ${tls}`;
  const isFine = withoutFailover !== undefined && PORTS.every((port) => inAWord(withoutFailover[port]) === WORKS);
  return isFine ? `${WORKS}; in a failover: ${found}` : (found ?? '');
}

function inAWord({ written, failures, lost, ended }: Report): string {
  if (lost.length > 0) return `${lost.length} of ${written} writes lost`;
  if (ended !== undefined) return shortened(ended);
  if (failures.length === 0) return WORKS;
  return `${GOES_ON}; ${failures.length} of ${written + failures.length} writes fail: ${shortened(failures[0] ?? '')}`;
}
