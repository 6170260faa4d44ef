/** Other makers' clients come to a stack without a map of addresses, by each way that needs none. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { failOver, moveSlots } from '../../scripts/clients/changes.ts';
import { UNMAPPED } from '../../scripts/clients/unmapped/clients.ts';
import { refuses, startVisit, type Report, type Visitor } from '../../scripts/clients/unmapped/visit.ts';
import { PORTS, WAYS, type Port, type Room } from '../../scripts/clients/unmapped/ways.ts';
import { readConnection } from '../../src/stack/connect/connection.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { CAN_ENTER, lacks } from '../helpers/clients.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

/** Those of npm, and Debian's; `npm run clients` brings others. */
const FROM_NPM = new Set(['ioredis', 'node-redis', 'valkey-glide']);
const clients = UNMAPPED.filter(({ name, debian }) => FROM_NPM.has(name) || debian !== undefined);
const isHere = ({ debian }: (typeof clients)[number]): boolean => debian === undefined || !lacks(debian);

/** Debian's version (https://github.com/phpredis/phpredis/issues/2323): it comes when the failover is over. */
const DIES_ON_FAILOVER = new Set(['phpredis']);

/** In the network no client ever needed a map: `npm run clients` goes there, too. */
const ways = WAYS.filter(({ name }) => name === 'proxy' || name === 'names');

describe.skipIf(!CAN_ENTER).each(ways)('$name', ({ access, open }) => {
  const cache = join(process.cwd(), 'node_modules/.cache');
  const visitors: Visitor[] = [];
  const reports = new Map<string, Report>();
  let folder: string;
  let stack: TestStack;
  let room: Room | undefined;
  beforeAll(async () => {
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'unmapped-'));
    stack = await makeStack({ nodeCount: 6, replicas: 1, access });
    await stack.must('up');
    room = await open(stack);
    const { password, tls } = await readConnection(await stack.session(), 'map');
    for (const client of clients.filter(isHere)) {
      const own = join(folder, client.name.replaceAll(/\W+/g, '-'));
      mkdirSync(own);
      await client.install(own);
      visitors.push({ client, folder: own, room, password: password.reveal(), ca: tls?.files.ca ?? '' });
    }
    const [later, early] = [true, false].map((isLate) =>
      visitors.filter(({ client }) => DIES_ON_FAILOVER.has(client.name) === isLate),
    );
    const start = (some: readonly Visitor[] = []): Visit[] =>
      some.flatMap((visitor) => PORTS.map((port) => ({ visitor, port, ...startVisit(visitor, port, 500) })));
    const goOn = (visits: readonly Visit[]): Promise<unknown> => Promise.all(visits.map((visit) => visit.goOn(20)));
    const visits = start(early);
    await goOn(visits);
    await failOver(stack);
    visits.push(...start(later));
    await goOn(visits);
    await moveSlots(stack, 1000);
    await goOn(visits);
    await Promise.all(
      visits.map(async (visit) => reports.set(`${visit.visitor.client.name} ${visit.port}`, await visit.end())),
    );
  });
  afterAll(async () => {
    await room?.close();
    await stack.remove();
    rmSync(folder, { recursive: true });
  });

  describe.each(clients)('$name', (client) => {
    test.skipIf(!isHere(client)).each(PORTS)('%s: no write fails or is lost while a primary and slots move', (port) => {
      expect(reports.get(`${client.name} ${port}`)).toMatchObject({ failures: [], lost: [], ended: undefined });
    });

    test.skipIf(!isHere(client))('refuses nodes that another authority has signed', async () => {
      const visitor = visitors.find((one) => one.client === client);
      if (visitor === undefined) throw new Error(`${client.name} did not come`);
      const stranger = join(visitor.folder, 'stranger');
      await openPrivateAuthority(stranger, { stack: 'stranger', nowMs: Date.now() });
      expect(await refuses({ ...visitor, ca: join(stranger, 'ca.crt') })).toBe(true);
    });
  });
});

type Visit = ReturnType<typeof startVisit> & { readonly visitor: Visitor; readonly port: Port };
