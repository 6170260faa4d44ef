/** `access: names`: one name leads to a node from both sides, and that is what every node tells its clients. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { loopbackAddress } from '../../src/spec/addresses.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const NODES = [1, 2, 3, 4, 5, 6] as const;
const NAMES = NODES.map((node) => `redis-${node}`);

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
});
afterAll(() => stack.remove());

const setAccess = (access: string): void =>
  stack.edit((yaml) => `access: ${access}\n${yaml.replace(/^access: .*\n/, '')}`);

/** What every node knows and tells of the others: the hostnames in its table, and what stands in CLUSTER SLOTS. */
async function told(): Promise<object> {
  const tables = await Promise.all(NODES.map((node) => stack.redis(node, 'CLUSTER', 'NODES')));
  const slots = (await Promise.all(NODES.map((node) => stack.redis(node, 'CLUSTER', 'SLOTS')))).join('\n');
  return {
    hostnames: tables.map((table) =>
      parseNodeTable(table)
        .rows.map(({ hostname }) => hostname)
        .toSorted(),
    ),
    isByName: slots.includes('redis-1'),
    // In place of a name that the node has not heard.
    hasUnknown: slots.includes('?'),
  };
}
const BY_NAME = { hostnames: NODES.map(() => NAMES), isByName: true, hasUnknown: false };
const BY_ADDRESS = { hostnames: NODES.map(() => NAMES.map(() => '')), isByName: false, hasUnknown: false };

test('as soon as it is up, every node tells the names of all; a second up changes nothing', async () => {
  setAccess('names');
  await stack.must('up');
  expect(await told()).toEqual(BY_NAME);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('a client of the network goes from node to node by name', async () => {
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f'])
    expect(await stack.redis(1, '-c', '-h', 'redis-2', 'SET', key, `value-${key}`)).toBe('OK');
});

test('on this host its loopback address shows a certificate that has the name, at the port that it has inside', async () => {
  const ca = readFileSync(join(String(stack.env['XDG_STATE_HOME']), 'redis-cluster-as-code', stack.name, 'tls/ca.crt'));
  const host = loopbackAddress(stack.ips[0] ?? '');
  const isTrusted = (servername: string): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect({ host, port: 6380, ca, servername }, () => resolve(socket.authorized));
      socket.once('error', () => resolve(false));
    });
  expect(await isTrusted('redis-1')).toBe(true);
  expect(await isTrusted('redis-2')).toBe(false);
});

test('they still do after a failover, and as soon as a node is back from a restart', async () => {
  await stack.must('cluster', 'failover', 'redis-4');
  await stack.must('restart', 'redis-1');
  expect(await told()).toEqual(BY_NAME);
});

test('to map and back: one node at a time, and no key is lost', async () => {
  setAccess('map');
  const { stderr } = await stack.must('up');
  expect(stderr).toContain('fail over from ');
  const turns = [...stderr.matchAll(/(stop|start) container (\S+)/g)].map(([, what, name]) => `${what} ${name}`);
  expect(turns).toEqual(
    turns.flatMap((turn) => (turn.startsWith('stop') ? [turn, turn.replace('stop', 'start')] : [])),
  );
  expect(await told()).toEqual(BY_ADDRESS);
  expect((await stack.must('up')).stdout).toContain('nothing to do');

  setAccess('names');
  await stack.must('up');
  expect(await told()).toEqual(BY_NAME);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
  for (const key of ['a', 'b', 'c', 'd', 'e', 'f']) expect(await stack.redis(1, '-c', 'GET', key)).toBe(`value-${key}`);
});
