/** Nodes whose host changes in the YAML file: three engines of the test's own, of one Docker Swarm. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startSteadyProcess, type SteadyEnd } from '../helpers/steady-process.ts';
import type { TestStack } from '../helpers/test-stack.ts';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';

const whyNot = whyNoOwnHosts();

describe.skipIf(whyNot !== undefined)(`nodes that move${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  const stacks: TestStack[] = [];
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    await Promise.all([hosts.joinSwarm(3), ...hosts.all.map((one) => one.loadImage())]);
  });
  afterAll(async () => {
    await Promise.all(stacks.map((stack) => stack.remove()));
    await hosts.remove();
  });

  const hostAt = (name: string): OwnHost => hosts.at('abc'.indexOf(name));
  const bringUp = async (places: string): Promise<TestStack> => {
    const stack = await makeStackOn(hosts, places);
    stacks.push(stack);
    await hosts.must(stack, 'up');
    return stack;
  };
  /** Containers and volumes, by the names of their nodes. */
  const thingsOn = async ({ name }: TestStack, host: string): Promise<string[]> => {
    const { docker } = hostAt(host);
    const containers = (await docker.listContainers({ all: true })).flatMap(({ Names }) => Names);
    const volumes = (await docker.listVolumes()).Volumes.map(({ Name }) => Name);
    return [...containers.map((one) => one.slice(1)), ...volumes]
      .filter((one) => one.startsWith(`${name}-redis`))
      .map((one) => one.slice(name.length + 1))
      .toSorted();
  };
  const placed = (stack: TestStack, places: Readonly<Record<string, string>>): void => {
    for (const [node, host] of Object.entries(places))
      stack.edit((yaml) => yaml.replace(new RegExp(`(${node}: \\{ host: )\\w`), `$1${host}`));
  };
  /** An application on the nodes' network, on host a. */
  const writeMeanwhile = async (stack: TestStack): Promise<() => Promise<SteadyEnd>> => {
    const host = hostAt('a');
    const { docker } = host;
    const HostConfig = { NetworkMode: `${stack.name}-net` };
    const name = `${stack.name}_app`;
    await (await docker.createContainer({ name, Image: LOCAL_IMAGE, Cmd: ['sleep', '600'], HostConfig })).start();
    const { stdout } = await hosts.must(stack, 'env', '--format', 'json', '--reveal');
    const { REDIS_PASSWORD = '' } = JSON.parse(stdout) as Record<string, string>;
    const finish = startSteadyProcess(await host.launcherIn(name), {
      REDIS_PASSWORD,
      REDIS_CLUSTER_NODES: stack.ips.map((ip) => `${ip}:6379`).join(','),
    });
    return async () => {
      const end = await finish();
      await docker.getContainer(name).remove({ force: true });
      return end;
    };
  };
  /** `docker node demote` and `rm --force` */
  const forgetHost = async (hostname: string): Promise<void> => {
    const { docker } = hostAt('a');
    const all = (await docker.listNodes()) as { ID: string; Description: { Hostname: string } }[];
    const node = docker.getNode(all.find(({ Description }) => Description.Hostname === hostname)?.ID ?? '');
    const { Version, Spec } = (await node.inspect()) as { Version: { Index: number }; Spec: object };
    await node.update({ version: Version.Index, ...Spec, Role: 'worker' });
    await expect
      .poll(() => node.remove({ force: true }).then(() => 'removed', String), { timeout: 30_000 })
      .toBe('removed');
  };
  /** SIGKILL, right after it has said that it has done this. */
  const upUntil = async (stack: TestStack, done: string): Promise<void> => {
    const { child, ended, said } = hosts.program(stack, 'up');
    await expect.poll(said, { timeout: 60_000, interval: 5 }).toContain(done);
    child.kill('SIGKILL');
    expect(await ended).toMatchObject({ signal: 'SIGKILL' });
  };

  test('a host is emptied under writes, and by a run that is killed twice: nobody notices, and nothing is left', async () => {
    const stack = await bringUp('abcbca');
    const finish = await writeMeanwhile(stack);
    placed(stack, { 'redis-3': 'b', 'redis-5': 'a' });
    const { stdout } = await hosts.must(stack, 'plan');
    expect(stdout).toContain(`~ stop container ${stack.container(5)}  (it moves from c to a)`);
    expect(stdout).toContain(`- remove volume ${stack.container(5)}-data on c  (redis-5 has all its data on a)`);
    expect(stdout).toContain('~ fail over from redis-3 to redis-6  (it moves from c to b)');

    await upUntil(stack, `✓ remove container ${stack.container(5)}`);
    expect(await thingsOn(stack, 'c')).toEqual(['redis-3', 'redis-3-data', 'redis-5-data']);
    expect((await hosts.must(stack, 'plan')).stdout).toContain(
      `+ create container ${stack.container(5)}  (it moves to a)`,
    );
    await upUntil(stack, `✓ create container ${stack.container(5)}`);
    const { stderr, elapsedMs } = await hosts.must(stack, 'up');
    expect(stderr).not.toContain(`create container ${stack.container(5)} `);

    expect(await thingsOn(stack, 'a')).toEqual([
      'redis-1',
      'redis-1-data',
      'redis-5',
      'redis-5-data',
      'redis-6',
      'redis-6-data',
    ]);
    expect(await thingsOn(stack, 'b')).toEqual([
      'redis-2',
      'redis-2-data',
      'redis-3',
      'redis-3-data',
      'redis-4',
      'redis-4-data',
    ]);
    expect(await thingsOn(stack, 'c')).toEqual([]);
    expect((await hosts.must(stack, 'plan')).stdout).toContain('Nothing to do');
    expect((await hosts.must(stack, 'cluster', 'check')).stdout).toContain('6 nodes, no findings');
    const end = await finish();
    console.log(JSON.stringify({ elapsedMs, ...end }));
    expect(end).toMatchObject({ failed: 0, lost: [] });
  });

  test('a primary without a replica: the others have its slots meanwhile', async () => {
    const stack = await bringUp('abc');
    const finish = await writeMeanwhile(stack);
    placed(stack, { 'redis-3': 'a' });
    expect((await hosts.must(stack, 'plan')).stdout).toMatch(
      /move slots redis-3 → .* \(redis-3 moves from c to a, and has no replica\)/,
    );
    await upUntil(stack, `✓ stop container ${stack.container(3)}`);
    const { stdout, elapsedMs } = await hosts.must(stack, 'up');
    expect(stdout).toMatch(/redis-3 +primary .*\(546[012]\)/);
    expect(await thingsOn(stack, 'a')).toEqual(['redis-1', 'redis-1-data', 'redis-3', 'redis-3-data']);
    expect(await thingsOn(stack, 'c')).toEqual([]);
    expect((await hosts.must(stack, 'plan')).stdout).toContain('Nothing to do');
    const end = await finish();
    console.log(JSON.stringify({ elapsedMs, ...end }));
    expect(end).toMatchObject({ lost: [] });
    await hosts.must(stack, 'down', '--volumes', '--yes');
  });

  test('from a host that is away nothing moves; from one that is gone for good its nodes begin anew', async () => {
    const stack = stacks[0] ?? (await bringUp('abbbaa'));
    await hosts.must(stack, 'redis-cli', '--', 'SET', 'user:1000', 'value');
    await hostAt('b').losePower();
    placed(stack, { 'redis-2': 'c' });
    const away = await hosts.program(stack, 'up').ended;
    expect(away).toMatchObject({ exitCode: 1 });
    expect(away.stderr).toMatch(
      /the host b does not answer: redis-2, redis-3 and redis-4 are left as they are; before that, redis-2 can't move to c;/,
    );
    expect(await thingsOn(stack, 'c')).toEqual([]);

    placed(stack, { 'redis-3': 'c', 'redis-4': 'c' });
    stack.edit((yaml) => yaml.replace(/^  b: \{.*\n/m, ''));
    await forgetHost('host2');
    const { stdout } = await hosts.must(stack, 'up');
    expect(stdout).toMatch(/redis-5 +primary[^]*redis-6 +primary/);
    expect(await thingsOn(stack, 'c')).toHaveLength(6);
    expect((await hosts.must(stack, 'redis-cli', '--', 'GET', 'user:1000')).stdout).toBe('value\n');
    expect((await hosts.must(stack, 'plan')).stdout).toContain('Nothing to do');
    expect((await hosts.must(stack, 'cluster', 'check')).stdout).toContain('6 nodes, no findings');
  });
});
