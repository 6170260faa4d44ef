/** Nodes on several hosts: three engines of the test's own, each with its network, its disk and its power, of one Docker Swarm. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnHosts();
/** Of redis-1 to redis-6: the last three are replicas of the first three. */
const PLACES = 'abcbca';

describe.skipIf(whyNot !== undefined)(`a stack on three hosts${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    stack = await makeStackOn(hosts, PLACES);
  });
  afterAll(async () => {
    await stack.remove();
    await hosts.remove();
  });

  /** What it prints, on stdout and stderr. */
  const failing = async (exitCode: number, ...args: readonly string[]): Promise<string> => {
    const ended = await hosts.program(stack, ...args).ended;
    expect(ended).toMatchObject({ exitCode });
    return ended.stdout + ended.stderr;
  };
  const redis = async (...args: readonly string[]): Promise<string> =>
    (await hosts.must(stack, 'redis-cli', '--', ...args)).stdout.trim();
  /** Which of a pair has taken over meanwhile, and which not, depends on the machine. */
  const makePrimaries = async (...nodes: readonly string[]): Promise<void> => {
    for (const node of nodes) {
      const { stdout } = await hosts.must(stack, 'redis-cli', node, '--', 'ROLE');
      if (!stdout.startsWith('master')) await hosts.must(stack, 'cluster', 'failover', node);
    }
  };
  const namesOn = async ({ docker }: OwnHost): Promise<string[]> =>
    (await docker.listContainers({ all: true })).flatMap(({ Names }) => Names).toSorted();

  test('what they lack for one network is said before anything is made', async () => {
    await hosts.at(0).loadImage();
    expect(await failing(1, 'up')).toMatch(
      /the host a \(unix:.*\) is in no Docker Swarm; nothing was changed \[ENGINE_FAILED\]\n.*the host b .*\n.*the host c .*\n +→ docker swarm init/,
    );
    await hosts.joinSwarm(3);
    const { docker } = hosts.at(1);
    const network = { Name: 'others', IPAM: { Config: [{ Subnet: stack.subnet }] } };
    const taken = await docker.createNetwork(network);
    expect(await failing(1, 'up')).toContain(`overlaps ${stack.subnet} of the network others on host b`);
    await taken.remove();
    for (const host of hosts.all) expect(await namesOn(host)).toEqual([]);
  });

  test('from nothing: each node is on its host, and the image, which one of them had, on all', async () => {
    expect((await hosts.must(stack, 'plan')).stdout).toContain(`+ create network ${stack.name}-net  (missing)`);
    const { stdout, stderr } = await hosts.must(stack, 'up');
    expect(stdout).toContain('16,384 slots, 6 nodes agree');
    expect(stderr).not.toContain('swarm');
    for (const [index, host] of hosts.all.entries()) {
      const own = Array.from(PLACES).flatMap((place, node) =>
        place === 'abc'.charAt(index) ? [`/${stack.container(node + 1)}`] : [],
      );
      expect(await namesOn(host)).toEqual(own);
    }
    const env = JSON.parse((await hosts.must(stack, 'env', '--format', 'json')).stdout) as Record<string, string>;
    expect(env['REDIS_CLUSTER_NODES']?.split(',')[2]).toBe(`${hosts.at(2).address}:${stack.ports[4] ?? ''}`);
  });

  test('then there is nothing to do, and commands reach every node', async () => {
    expect((await hosts.must(stack, 'up')).stdout).toContain('nothing to do');
    expect((await hosts.must(stack, 'plan')).stdout).toContain('Nothing to do');
    expect((await hosts.must(stack, 'status')).stdout).toMatch(/redis-5 +c +Up .* replica of redis-2/);
    expect(await redis('SET', 'user:1000', 'value')).toBe('OK');
    expect((await hosts.must(stack, 'redis-cli', 'redis-3', '--', 'CLUSTER', 'MYID')).stdout).toMatch(/^[0-9a-f]{40}/);
    expect((await hosts.must(stack, 'logs', 'redis-5', '--tail', '1')).stdout).not.toBe('');
    expect((await hosts.must(stack, 'cluster', 'check')).stdout).toContain('6 nodes, no findings');
    const doctor = await hosts.must(stack, 'doctor');
    expect(doctor.stdout).toContain('6 nodes know each other, over 30 bus links that are up');
    expect(doctor.stdout).toMatch(/redis-3 plain +10\.99\.0\.13:\d+ answers and takes the password/);
    await hosts.must(stack, 'restart', 'redis-2');
    expect(await redis('GET', 'user:1000')).toBe('value');
  });

  test('another engine is refused, and so is another host for a node that has data', async () => {
    expect(await failing(2, 'status', '--host', hosts.at(0).host)).toContain('Leave it out.');
  });

  test('without a host the others go on, and its nodes are unknown; with it, up brings all back', async () => {
    await makePrimaries('redis-1', 'redis-2', 'redis-3');
    await hosts.at(2).losePower();
    const status = async (): Promise<string> => (await hosts.program(stack, 'status').ended).stdout;
    await expect.poll(status, { timeout: 60_000 }).toMatch(/redis-6 +a +Up .* primary/);
    expect(await status()).toMatch(/redis-3 +c +unknown/);
    expect(await status()).toContain('redis-3 does not answer: its host c does not answer');
    expect(await failing(1, 'cluster', 'check')).toContain('redis-5 does not answer: its host c does not answer');
    const doctor = await failing(1, 'doctor');
    expect(doctor).toMatch(/✗ host c +unix:.* does not answer: what is there is not known/);
    expect(doctor).toMatch(/✗ redis-3 +its host c does not answer/);
    expect(await redis('SET', 'user:1000', 'other')).toBe('OK');
    expect((await hosts.must(stack, 'plan')).stdout).toContain(
      'the host c does not answer: the nodes there are left as they are',
    );
    expect(await failing(2, 'restart', 'redis-7')).toContain("there is no node 'redis-7'");

    await hosts.at(0).docker.getContainer(stack.container(1)).remove({ force: true, v: true });
    const up = await failing(1, 'up');
    expect(up).toContain(`✓ start container ${stack.container(1)}`);
    expect(up).not.toContain(stack.container(3));
    expect(up).toMatch(/the host c does not answer: redis-3 and redis-5 are left as they are.*\[ENGINE_UNREACHABLE\]/);

    await hosts.at(2).start();
    await hosts.must(stack, 'up');
    expect(await redis('GET', 'user:1000')).toBe('other');
  });

  test('what failovers have left on the wrong host is found, and put right by the commands that are told', async () => {
    await makePrimaries('redis-1', 'redis-6');
    expect(await failing(1, 'cluster', 'check')).toMatch(
      /the host a has 2 of the 3 primaries: .*\n +→ .* cluster failover redis-3 /,
    );
    await hosts.must(stack, 'cluster', 'failover', 'redis-3');
    await hosts.must(stack, 'cluster', 'replicate', 'redis-4', '--of', 'redis-2');
    expect(await failing(1, 'cluster', 'check')).toMatch(
      /redis-4 is the replica of redis-2, and both are on the host b\n +→ .* cluster replicate redis-4 --of redis-1 /,
    );
    await hosts.must(stack, 'cluster', 'replicate', 'redis-4', '--of', 'redis-1');
    expect((await hosts.must(stack, 'cluster', 'check')).stdout).toContain('6 nodes, no findings');
  });

  test('where a port between hosts is blocked, up says which hosts and which ports', async () => {
    await hosts.must(stack, 'down', '--volumes', '--yes');
    hosts.at(2).inNetwork('iptables', '-I', 'INPUT', '-p', 'udp', '--dport', '4789', '-j', 'DROP');
    const said = await failing(1, 'up');
    expect(said).toMatch(/does not get through to host .*\[ATTACH_FAILED\]/);
    expect(said).toContain(`host b (${hosts.at(1).address}) does not get through to host c (${hosts.at(2).address})`);
    expect(said).not.toContain(`host a (${hosts.at(0).address}) does not get through to host b`);
    expect(said).toContain('Open 7946/tcp, 7946/udp and 4789/udp');
    hosts.at(2).inNetwork('iptables', '-D', 'INPUT', '-p', 'udp', '--dport', '4789', '-j', 'DROP');
    await hosts.must(stack, 'up');
    expect(await redis('SET', 'user:1000', 'other')).toBe('OK');
  });

  test('down keeps the data, and down --volumes nothing', async () => {
    await hosts.must(stack, 'down');
    for (const host of hosts.all) expect(await namesOn(host)).toEqual([]);
    await hosts.must(stack, 'up');
    expect(await redis('GET', 'user:1000')).toBe('other');
    await hosts.must(stack, 'down', '--volumes', '--yes');
    for (const { docker } of hosts.all) {
      // An engine hears of it a moment later than the manager that was asked.
      await expect.poll(async () => (await docker.listVolumes()).Volumes, { timeout: 30_000 }).toEqual([]);
      const networks = async (): Promise<string[]> => (await docker.listNetworks()).map(({ Name }) => Name);
      await expect.poll(networks, { timeout: 30_000 }).not.toContain(`${stack.name}-net`);
    }
  });
});
