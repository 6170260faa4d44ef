/** What somebody changed, by hand or in the YAML file: seen with its cause, and mended with the least disruption. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LABELS } from '../../src/plan/model/names.ts';
import { startSteadyWriters, type SteadyWriters } from '../helpers/steady-writer.ts';
import { dockerOf, freePorts, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let writers: SteadyWriters | undefined;
const NODES = [1, 2, 3, 4, 5, 6];

beforeAll(async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1, redisConf: 'slowlog-max-len 100\n' });
  const [bus] = await freePorts(1);
  stack.edit((yaml) => yaml.replace(/(redis-2: .*tls: \d+)/, `$1, bus: ${bus}`));
  await stack.must('up');
});
afterEach(() => {
  writers?.close();
  writers = undefined;
});
afterAll(() => stack.remove());

/** Changes with every start of a server. */
async function runIds(): Promise<string[]> {
  const infos = await Promise.all(NODES.map((node) => stack.redis(node, 'INFO', 'server')));
  return infos.map((info) => /run_id:(\w+)/.exec(info)?.[1] ?? '');
}

const setting = async (node: number, name: string): Promise<string> =>
  (await stack.redis(node, 'CONFIG', 'GET', name)).split(/\s+/).at(-1) ?? '';

const inspect = (node: number): ReturnType<ReturnType<ReturnType<typeof dockerOf>['getContainer']>['inspect']> =>
  dockerOf(stack.engine).getContainer(stack.container(node)).inspect();

async function expectNothingToDo(): Promise<void> {
  expect((await stack.must('plan')).stdout).toContain('Nothing to do');
}

describe('by hand', () => {
  test('limits, settings, a network: each is named, and mended without a restart', async () => {
    const before = await runIds();
    const docker = dockerOf(stack.engine);
    const smaller = 100 * 1024 ** 2;
    await docker.getContainer(stack.container(1)).update({ Memory: smaller, MemorySwap: smaller });
    await docker.getContainer(stack.container(2)).update({ RestartPolicy: { Name: 'no' }, NanoCpus: 5e8 });
    await stack.redis(4, 'CONFIG', 'SET', 'maxmemory', '1gb', 'slowlog-max-len', '7');
    await docker.getNetwork(`${stack.name}-net`).disconnect({ Container: stack.container(6) });
    const { stdout } = await stack.must('plan');
    expect(stdout).toContain(
      `~ update container ${stack.container(1)}  (its memory limit is 100 MiB instead of 128 MiB)`,
    );
    expect(stdout).toContain(
      `~ update container ${stack.container(2)}  (its cpu limit is 0.5 instead of 1; its restart policy is no instead of unless-stopped)`,
    );
    expect(stdout).toContain(`~ connect container ${stack.container(6)}  (it is not on the network ${stack.name}-net)`);
    expect(stdout).toContain('~ set maxmemory 67108864 on redis-4  (it is 1073741824: changed by hand)');
    expect(stdout).toContain('~ set slowlog-max-len 100 on redis-4  (it is 7: changed by hand)');
    expect(stdout).not.toContain('stop container');

    await stack.must('up');
    expect(await runIds()).toEqual(before);
    expect((await inspect(1)).HostConfig.Memory).toBe(128 * 1024 ** 2);
    expect((await inspect(2)).HostConfig.RestartPolicy?.Name).toBe('unless-stopped');
    expect(await setting(4, 'maxmemory')).toBe('67108864');
    await expectNothingToDo();
  });

  test('another address on the network: it has its own again', async () => {
    const network = dockerOf(stack.engine).getNetwork(`${stack.name}-net`);
    const container = stack.container(5);
    const elsewhere = stack.subnet.replace('.0/24', '.77');
    await network.disconnect({ Container: container });
    await network.connect({ Container: container, EndpointConfig: { IPAMConfig: { IPv4Address: elsewhere } } });
    expect((await stack.must('plan')).stdout).toContain(
      `~ disconnect container ${container}  (its address is ${elsewhere} instead of ${stack.ips[4]})`,
    );
    await stack.must('up');
    expect((await inspect(5)).NetworkSettings.Networks[`${stack.name}-net`]?.IPAddress).toBe(stack.ips[4]);
    await expectNothingToDo();
  });

  test('another name: the container under the wrong one goes, and its node is back with its data', async () => {
    await stack.redis(1, 'SET', 'user:1000', 'John');
    await dockerOf(stack.engine)
      .getContainer(stack.container(3))
      .rename({ name: `${stack.name}-mine` });
    expect((await stack.must('plan')).stdout).toContain(
      `~ stop container ${stack.name}-mine  (it is to be called ${stack.container(3)})`,
    );
    await stack.must('up');
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('John');
    await expectNothingToDo();
  });

  test('a CONFIG REWRITE is written over, and nobody is restarted', async () => {
    const before = await runIds();
    await stack.redis(2, 'CONFIG', 'REWRITE');
    expect((await stack.must('plan')).stdout).toBe('~ write configuration redis-2  (redis.conf differs)\n');
    await stack.must('up');
    expect(await runIds()).toEqual(before);
    await expectNothingToDo();
  });
});

describe('in the YAML file', () => {
  test('what the running server takes is set there and in its files: nothing restarts', async () => {
    const before = await runIds();
    stack.edit((yaml) => yaml.replace('memory: 128mb', 'memory: 160mb').replace('maxmemory: 64mb', 'maxmemory: 80mb'));
    const { stdout } = await stack.must('plan');
    expect(stdout.match(/~ update container /g)).toHaveLength(6);
    expect(stdout.match(/~ set maxmemory 83886080 on /g)).toHaveLength(6);
    await stack.must('up');
    expect(await runIds()).toEqual(before);
    expect(await setting(6, 'maxmemory')).toBe('83886080');
    await expectNothingToDo();
    await stack.must('restart', 'redis-6');
    expect(await setting(6, 'maxmemory')).toBe('83886080');
  });

  test('a line of redis.conf that no Redis knows is refused before any node is given it', async () => {
    const conf = join(stack.folder, 'redis.conf');
    writeFileSync(conf, 'slowlog-max-len 100\nslowlog-max-lenn 50\n');
    const { exitCode, stderr } = await stack.run('up');
    expect(stderr).toContain("knows no setting 'slowlog-max-lenn'");
    expect(exitCode).toBe(2);
    writeFileSync(conf, 'slowlog-max-len 100\n');
    await expectNothingToDo();
  });

  test('a redis.conf with which Redis would not start is tried beside the cluster, and no node is stopped for it', async () => {
    const conf = join(stack.folder, 'redis.conf');
    const before = await runIds();
    await stack.redis(1, 'SET', 'user:1000', 'Jane');
    // A no-break space: the server had taken the value, and no node would have started with the file again.
    writeFileSync(conf, 'slowlog-max-len 100\ntcp-keepalive\u00A060\n');
    expect((await stack.run('up')).stderr).toContain('redis.conf:2:14 the invisible character U+00A0');
    // As a killed run leaves it.
    const { Image, Config } = await inspect(1);
    const left = await dockerOf(stack.engine).createContainer({
      name: `${stack.name}_trial`,
      Image,
      Labels: { ...Config.Labels, [LABELS.node]: 'trial_of_configuration' },
      Cmd: ['redis-server', '--cluster-enabled', 'yes'],
    });
    await left.start();
    writeFileSync(conf, 'slowlog-max-len 100\n\ntcp-keepalive 60 # seconds\n');
    const refused = await stack.run('up');
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain('does not start with the new configuration; no node was stopped');
    expect(refused.stderr).toContain("redis.conf:3 'tcp-keepalive 60 # seconds': wrong number of arguments");
    expect(await runIds()).toEqual(before);
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('Jane');
    const names = (await stack.engine.listContainers()).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(stack.name)).toSorted()).toEqual(
      NODES.map((node) => stack.container(node)),
    );

    writeFileSync(conf, '\uFEFFslowlog-max-len 100\ntcp-keepalive 60\n');
    await stack.must('up');
    expect(await setting(1, 'tcp-keepalive')).toBe('60');
    expect(await runIds()).toEqual(before);
    await expectNothingToDo();
  });

  test('what needs another container, under load: one at a time, primaries after they have handed over', async () => {
    const [free = 0] = await freePorts(1);
    writeFileSync(join(stack.folder, 'redis.conf'), 'slowlog-max-len 100\ntcp-keepalive 60\ndatabases 4\n');
    expect((await inspect(2)).HostConfig.PortBindings).toHaveProperty('16379/tcp');
    expect((await inspect(3)).HostConfig.PortBindings).not.toHaveProperty('16379/tcp');
    stack.edit((yaml) =>
      yaml
        .replace('memory: 160mb', 'memory: 150mb')
        .replace(`plain: ${stack.ports[0]}`, `plain: ${free}`)
        .replace(/, bus: \d+/, ''),
    );
    expect((await stack.must('plan')).stdout).toMatch(/~ fail over from redis-\d to redis-\d {2}/);
    writers = await startSteadyWriters(stack, 3);
    const { stderr } = await stack.must('up');
    const { mostFailedInARow, acknowledged } = await writers.stop();
    expect(stderr.match(/✓ fail over from redis-\d to redis-\d/g)).toHaveLength(3);
    expect(mostFailedInARow).toBeLessThanOrEqual(1);
    expect(acknowledged).toBeGreaterThan(100);
    expect(await writers.findLost()).toEqual([]);
    expect(await setting(6, 'databases')).toBe('4');
    expect((await inspect(2)).HostConfig.PortBindings).not.toHaveProperty('16379/tcp');
    await expectNothingToDo();
  });

  test('restart --rolling under load: no client fails twice in a row, nothing acknowledged is lost', async () => {
    const before = await runIds();
    writers = await startSteadyWriters(stack, 3);
    await stack.must('restart', '--rolling');
    const { mostFailedInARow, acknowledged } = await writers.stop();
    expect(mostFailedInARow).toBeLessThanOrEqual(1);
    expect(acknowledged).toBeGreaterThan(100);
    expect(await writers.findLost()).toEqual([]);
    const after = await runIds();
    expect(after.filter((id) => before.includes(id))).toEqual([]);
  });
});

test('restart --rolling without replicas says which slots nobody serves meanwhile', async () => {
  const alone = await makeStack();
  try {
    await alone.must('up');
    const { stderr } = await alone.must('restart', '--rolling', 'redis-2');
    expect(stderr).toContain('redis-2 has no replica: slots 5461-10922 are not served until it is back');
  } finally {
    await alone.remove();
  }
});
