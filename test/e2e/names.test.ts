/** `access: names`: one name leads to a node from both sides, and that is what every node tells its clients. */
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { loopbackAddress } from '../../src/spec/addresses.ts';
import { requireSuccess, startProgram, type Ended } from '../helpers/program.ts';
import { serverImage } from '../helpers/server-images.ts';
import { freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';

const NODES = [1, 2, 3, 4, 5, 6] as const;
const NAMES = NODES.map((node) => `redis-${node}`);
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'];

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
  expect((await stack.must('up')).stderr).toMatch(
    /does not lead to redis-1, .* and redis-6: .*manage\.ts access names --install/,
  );
  expect(await told()).toEqual(BY_NAME);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('a name that somebody changed by hand is set back, and up waits until every node has heard it', async () => {
  await stack.redis(2, 'CONFIG', 'SET', 'cluster-announce-hostname', 'elsewhere');
  await expect.poll(() => stack.redis(1, 'CLUSTER', 'SLOTS'), { timeout: 30_000 }).toContain('elsewhere');
  await stack.must('up');
  expect(await told()).toEqual(BY_NAME);
});

test('a client of the network goes from node to node by name', async () => {
  for (const key of KEYS) expect(await stack.redis(1, '-c', '-h', 'redis-2', 'SET', key, `value-${key}`)).toBe('OK');
});

/** Runs in a mount namespace in which a file of this test stands in place of the hosts file of this machine. */
const hostsFile = (): string => join(stack.folder, 'hosts');
const MOUNT = 'mount --bind "$0" /etc/hosts && exec "$@"';
const withHosts = (): string[] => ['unshare', '--mount', 'sh', '-c', MOUNT, hostsFile()];
const OTHERS = '127.0.0.1 localhost\n';

/** A client that knows one name, no map and no address. */
const CLIENT = `
import { Cluster } from 'ioredis';
const [ca, password] = [process.env.CA, process.env.PASSWORD];
for (const [port, tls] of [[6379], [6380, { ca }]]) {
  const cluster = new Cluster([{ host: 'redis-1', port }], { redisOptions: { password, ...(tls && { tls }) } });
  for (const key of 'abcdef') console.log(await cluster.get(key));
  console.log(cluster.nodes().map(({ options }) => options.host + ':' + options.port).sort().join());
  await cluster.quit();
}
`;

describe.skipIf(spawnSync('unshare', ['--mount', 'true']).status !== 0)('on this host', () => {
  const state = (): string => join(String(stack.env['XDG_STATE_HOME']), 'redis-cluster-as-code', stack.name);
  const inside = async (...args: string[]): Promise<Ended> =>
    requireSuccess(await startProgram(stack, args, withHosts()).ended);

  test('the names are written into the hosts file once, and a client goes by them, over TLS too', async () => {
    writeFileSync(hostsFile(), OTHERS);
    expect((await stack.run('access', 'names', '--install')).stderr).toContain('[CONFIRMATION_NEEDED]');
    await inside('access', 'names', '--install', '--yes');
    const names = stack.ips.map((ip, index) => `${loopbackAddress(ip)} redis-${index + 1}\n`).join('');
    const block = `# >>> redis-cluster-as-code ${stack.name} >>>\n${names}# <<< redis-cluster-as-code ${stack.name} <<<\n`;
    expect(readFileSync(hostsFile(), 'utf8')).toBe(`${OTHERS}${block}`);
    expect((await inside('access', 'names', '--install')).stdout).toContain('nothing to do');
    expect((await inside('doctor')).stdout).toMatch(/host names +this host finds every node by its name/);
    expect((await inside('status')).stdout).not.toContain('access names');

    const [command = '', ...args] = withHosts();
    const env = {
      ...process.env,
      CA: readFileSync(join(state(), 'tls/ca.crt'), 'utf8'),
      PASSWORD: readFileSync(join(state(), 'password'), 'utf8').trim(),
    };
    const client = [process.execPath, '--input-type=module', '--eval', CLIENT];
    const { stdout } = await promisify(execFile)(command, [...args, ...client], { env, timeout: 120_000 });
    const values = KEYS.map((key) => `value-${key}\n`).join('');
    const nodesAt = (port: number): string => `${NAMES.map((name) => `${name}:${port}`).join()}\n`;
    expect(stdout).toBe(`${values}${nodesAt(6379)}${values}${nodesAt(6380)}`);
  });

  test('they are taken out again, and nothing else', async () => {
    await inside('access', 'names', '--remove', '--yes');
    expect(readFileSync(hostsFile(), 'utf8')).toBe(OTHERS);
    expect((await inside('status')).stdout).toContain('access names --install');
    expect((await inside('access', 'names')).stdout).toContain(`${loopbackAddress(stack.ips[0] ?? '')} redis-1`);
  });
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
  for (const key of KEYS) expect(await stack.redis(1, '-c', 'GET', key)).toBe(`value-${key}`);
});

test('Redis from 7.2 on forgets the name of a node that starts again, and of a new one: both are waited for', async ({
  skip,
}) => {
  const found = await serverImage(stack.engine, 'redis-8.6');
  if ('reason' in found) return skip(found.reason);
  const other = await makeStack({ redis: `  image: ${found.image}\n` });
  onTestFinished(() => other.remove());
  other.edit((yaml) => `access: names\n${yaml}`);
  const [plain, tls] = (await freePorts(2)).map(String);
  const add = ['cluster', 'add-node', 'redis-4', '--port', plain ?? '', '--tls-port', tls ?? ''];
  for (const command of [['up'], ['restart', 'redis-2'], add]) {
    await other.must(...command);
    for (const node of [1, 3]) expect(await other.redis(node, 'CLUSTER', 'SLOTS')).not.toContain('?');
  }
  expect(await other.redis(1, 'CLUSTER', 'SLOTS')).toContain('redis-4');
});
