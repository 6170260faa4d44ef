/** Nodes on several hosts without a swarm: three engines of the test's own, and each node announces where its host has it. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeStackOn, portsText } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnEngine, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnEngine();
/** Of redis-1 to redis-6: the last three are replicas of the first three. */
const PLACES = 'abcbca';

describe.skipIf(whyNot !== undefined)(`without a swarm${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    stack = await makeStackOn(hosts, PLACES, 'announce: host');
  });
  afterAll(async () => {
    await stack.remove();
    await hosts.remove();
  });

  const must = async (...args: readonly string[]): Promise<string> => (await hosts.must(stack, ...args)).stdout;
  const redis = async (...args: readonly string[]): Promise<string> => (await must('redis-cli', '--', ...args)).trim();
  /** What it prints, on stdout and stderr. */
  const failing = async (exitCode: number, ...args: readonly string[]): Promise<string> => {
    const ended = await hosts.program(stack, ...args).ended;
    expect(ended).toMatchObject({ exitCode });
    return ended.stdout + ended.stderr;
  };
  const networksOn = async ({ docker }: OwnHost): Promise<string[]> =>
    (await docker.listNetworks()).map(({ Name }) => Name);
  /** A program on the wire that all hosts are on, with what `env` prints; what it prints. */
  const application = async (code: string): Promise<string> => {
    const env = JSON.parse(await must('env', '--format', 'json', '--reveal')) as Record<string, string>;
    expect(Object.keys(env)).not.toContain('REDIS_NAT_MAP');
    const [command = '', ...launcher] = hosts.launcher();
    const args = [...launcher, process.execPath, '-e', `${CONNECT}(async () => {${code}})().finally(done);`];
    const options = { env: { ...process.env, ...env }, timeout: 90_000 };
    return (await promisify(execFile)(command, args, options)).stdout;
  };

  test('where a port between hosts is blocked, up says which one', async () => {
    await hosts.at(0).loadImage();
    const block = ['-p', 'tcp', '--dport', '16380', '-j', 'DROP'];
    hosts.at(2).inNetwork('iptables', '-t', 'raw', '-I', 'PREROUTING', '-i', 'eth0', ...block);
    const said = await failing(1, 'up');
    expect(said).toContain(
      `host a (${hosts.at(0).address}) does not get through to host c (${hosts.at(2).address}) at 16380`,
    );
    expect(said).toContain('Open these ports between the hosts');
    expect(said).not.toContain('does not get through to itself');
    hosts.at(2).inNetwork('iptables', '-t', 'raw', '-F');
    await must('down', '--volumes', '--yes');
  });

  test('from nothing: a network on each host, and nodes of one address are told apart by their ports', async () => {
    const plan = await must('plan');
    for (const host of ['a', 'b', 'c'])
      expect(plan).toContain(`+ create network ${stack.name}-net on ${host}  (missing)`);
    expect(await must('up')).toContain('16,384 slots, 6 nodes agree');
    expect(await must('up')).toContain('nothing to do');
    expect(await must('plan')).toContain('Nothing to do');
    expect(await must('cluster', 'check')).toContain('6 nodes, no findings');
    const doctor = await must('doctor');
    expect(doctor).toContain('6 nodes know each other, over 30 bus links that are up');
    expect(doctor).toMatch(/redis-6 plain +10\.99\.0\.11:6380 answers and takes the password/);
    expect(await redis('SET', 'user:1000', 'value')).toBe('OK');
    expect(await redis('GET', 'user:1000')).toBe('value');
    await must('cluster', 'failover', 'redis-4');
    expect(await must('status')).toMatch(/redis-4 +b +Up .* primary/);
    await must('cluster', 'failover', 'redis-1');
  });

  test('an application needs no map, over TLS neither', async () => {
    const code = `
      await Promise.all(keys.map((key) => plain.set(key, key)));
      const values = await Promise.all(keys.map((key) => tls.get(key)));
      console.log(values.filter((value, index) => value === keys[index]).length);`;
    expect(await application(code)).toBe('200\n');
  });

  test('a node that moves to other ports, or to another host, is found there', async () => {
    stack.edit((yaml) => yaml.replace(/(redis-6: .*)ports: .*/, `$1ports: ${portsText(7)} }`));
    const plan = await must('plan');
    expect(plan).toContain(`its host port of 6379 is 10.99.0.11:6380 instead of 10.99.0.11:6386`);
    await must('up');
    expect(await must('cluster', 'check')).toContain('6 nodes, no findings');
    expect(await must('cluster', 'nodes')).toContain('10.99.0.11:6386@16386');

    stack.edit((yaml) =>
      yaml.replace(/redis-6: \{ host: a(.*)ports: .*/, `redis-6: { host: b$1ports: ${portsText(2)} }`),
    );
    const { stderr: up } = await hosts.must(stack, 'up');
    expect(up).toContain(`remove container ${stack.container(6)}`);
    expect(up).not.toContain(`create container ${stack.container(1)}`);
    expect(await must('cluster', 'nodes')).toContain('10.99.0.12:6381@16381');
    expect(await must('up')).toContain('nothing to do');
    const { Volumes: left } = await hosts.at(0).docker.listVolumes();
    // The other one has what it is configured with, and goes with its container.
    const own = left.map(({ Name }) => Name).filter((name) => name.startsWith(stack.name));
    expect(own).toEqual([`${stack.container(1)}-data`]);
  });

  test('after a loss of power everywhere the cluster comes back by itself, with and without userland proxies', async () => {
    await Promise.all(hosts.all.map((host) => host.losePower()));
    const startedAt = performance.now();
    // Without them the kernel alone leads a node to another one of its host, by the host's address.
    const start = (host: OwnHost, index: number): Promise<void> =>
      host.start(index === 0 ? [] : ['--userland-proxy=false']);
    await Promise.all(hosts.all.map(start));
    await application('await whole();');
    console.info(`whole again ${Math.round(performance.now() - startedAt)} ms after power on`);
    await must('up');
    expect(await must('up')).toContain('nothing to do');
    expect(await redis('GET', 'user:1000')).toBe('value');
  });

  test('slots and their keys move between hosts, and on one', async () => {
    stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0'));
    expect(await must('up')).toContain('16,384 slots, 6 nodes agree');
    const code = `
      const values = await Promise.all(keys.map((key) => plain.get(key)));
      console.log(values.filter((value, index) => value === keys[index]).length);`;
    expect(await application(code)).toBe('200\n');
  });

  test('down --volumes leaves nothing on any host', async () => {
    await must('down', '--volumes', '--yes');
    for (const host of hosts.all) {
      expect(await host.docker.listContainers({ all: true })).toEqual([]);
      expect((await host.docker.listVolumes()).Volumes).toEqual([]);
      expect(await networksOn(host)).not.toContain(`${stack.name}-net`);
    }
  });
});

/** `plain` and `tls` are clients of the cluster, and `whole()` waits for it. */
const CONNECT = `
const { readFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const { Cluster, Redis } = require('ioredis');
const password = process.env.REDIS_PASSWORD;
const placesIn = (text) => text.replaceAll('rediss://', '').split(',').map((place) => {
  const [host, port] = place.split(':');
  return { host, port: Number(port) };
});
const plain = new Cluster(placesIn(process.env.REDIS_CLUSTER_NODES), { lazyConnect: true, redisOptions: { password } });
const tls = new Cluster(placesIn(process.env.REDIS_TLS_CLUSTER_NODES), {
  lazyConnect: true,
  redisOptions: { password, tls: { ca: readFileSync(process.env.REDIS_TLS_CA_FILE) } },
});
const keys = Array.from({ length: 200 }, (_, index) => 'application:' + index);
const isWhole = async (place) => {
  const node = new Redis({ ...place, password, lazyConnect: true, retryStrategy: () => null });
  node.on('error', () => undefined);
  try {
    await node.connect();
    const info = await node.cluster('INFO');
    return info.includes('cluster_state:ok') && info.includes('cluster_slots_ok:16384');
  } catch {
    return false;
  } finally {
    node.disconnect();
  }
};
const whole = async () => {
  const places = placesIn(process.env.REDIS_CLUSTER_NODES);
  while (!(await Promise.all(places.map(isWhole))).every(Boolean)) await sleep(50);
};
const done = () => [plain, tls].forEach((client) => client.disconnect());
`;
