import { afterEach, describe, expect, test } from 'vitest';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { up } from '../../src/stack/commands/up.ts';
import { watchEngine } from '../helpers/counting-engine.ts';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { dockerOf, makeStack, ownerLabels, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

interface UpJson {
  readonly changes: number;
  readonly nodes: readonly {
    readonly name: string;
    readonly role: string;
    readonly clusterState: string;
    readonly slots: unknown;
  }[];
}

describe('from nothing', () => {
  test('three nodes become a cluster with the slots that redis-cli would give them', async () => {
    stack = await makeStack();
    const { stdout } = await stack.must('up', '--json');
    const { nodes } = JSON.parse(stdout) as UpJson;
    expect(nodes.map(({ name, role, clusterState, slots }) => ({ name, role, clusterState, slots }))).toEqual([
      { name: 'redis-1', role: 'primary', clusterState: 'ok', slots: [{ start: 0, end: 5460 }] },
      { name: 'redis-2', role: 'primary', clusterState: 'ok', slots: [{ start: 5461, end: 10922 }] },
      { name: 'redis-3', role: 'primary', clusterState: 'ok', slots: [{ start: 10923, end: 16383 }] },
    ]);
    for (const node of [1, 2, 3]) {
      const info = await stack.redis(node, 'CLUSTER', 'INFO');
      for (const line of [
        'cluster_state:ok',
        'cluster_slots_assigned:16384',
        'cluster_slots_ok:16384',
        'cluster_known_nodes:3',
        'cluster_size:3',
      ]) {
        expect(info).toContain(line);
      }
    }
  });

  test('no phantom and no key is left of the way it was formed; --quiet says no word about it', async () => {
    stack = await makeStack();
    expect(await stack.must('up', '--quiet')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    for (const node of [1, 2, 3]) {
      expect((await stack.redis(node, 'CLUSTER', 'NODES')).split('\n')).toHaveLength(3);
      expect(await stack.redis(node, 'DBSIZE')).toBe('0');
    }
  });

  test('3 + 3: every primary has a replica with its data', async () => {
    stack = await makeStack({ nodeCount: 6, replicas: 1 });
    const { stdout } = await stack.must('up');
    expect(stdout).toMatch(/redis-4 +replica of redis-1/);
    expect(stdout).toMatch(/redis-6 +replica of redis-3/);
    await stack.redis(1, 'SET', 'user:1000', 'John');
    expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_known_nodes:6');
    expect(await stack.redis(4, 'ROLE')).toContain('connected');
    expect((await stack.must('status')).stdout).toContain('cluster_state:ok');
  });

  test('twelve nodes, four of them primaries', async () => {
    stack = await makeStack({ nodeCount: 12, replicas: 2 });
    await stack.must('up');
    const info = await stack.redis(7, 'CLUSTER', 'INFO');
    expect(info).toContain('cluster_size:4');
    expect(info).toContain('cluster_known_nodes:12');
  });
});

describe('again', () => {
  test('a second up changes nothing, and says so', async () => {
    stack = await stacks.shared();
    const calls: string[] = [];
    const session = await stack.session();
    const { changeCount } = await up({ ...session, engine: watchEngine(session.engine, (call) => calls.push(call)) });
    expect(calls).toEqual([]);
    expect(changeCount).toBe(0);
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  });

  test('plan says what up would do, and up does it', async () => {
    stack = await makeStack();
    expect((await stack.run('plan', '--detailed-exitcode')).exitCode).toBe(3);
    const { stdout } = await stack.must('plan');
    expect(stdout).toContain(`+ create network ${stack.name}-net  (missing)`);
    expect(stdout).toContain(`~ configure and seed container ${stack.container(3)}  (begins a new cluster)`);
    await stack.must('up');
    expect((await stack.run('plan', '--detailed-exitcode')).exitCode).toBe(0);
    expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  });

  test('a changed setting reaches every node, and the keys stay', async () => {
    stack = await stacks.shared();
    await stack.redis(1, 'SET', 'user:1000', 'John');
    stack.edit((yaml) => yaml.replace('maxmemory: 64mb', 'maxmemory: 32mb'));
    expect((await stack.must('plan')).stdout).toContain('~ set maxmemory 33554432 on redis-1  (it is 67108864)');
    await stack.must('up');
    expect(await stack.redis(2, 'CONFIG', 'GET', 'maxmemory')).toContain(String(32 * 1024 ** 2));
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('John');
  });
});

test('--quiet leaves out progress and what went well, not what was asked for and what failed', async () => {
  stack = await stacks.shared();
  const silence = { exitCode: 0, stdout: '', stderr: '' };
  expect(await stack.run('restart', 'redis-1', '-q')).toEqual(silence);
  const move = ['cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-2', '--slots', '1', '-q'];
  expect((await stack.must(...move, '--simulate')).stdout).toContain('1 slot would move');
  expect(await stack.run(...move)).toEqual(silence);
  expect(await stack.run('cluster', 'rebalance', '--threshold', '0', '-q')).toEqual(silence);
  expect(await stack.run('cluster', 'fix', '-q')).toEqual(silence);
  expect(await stack.run('cluster', 'wait', '-q')).toEqual(silence);
  expect((await stack.must('status', '-q')).stdout).toContain('cluster_state:ok');
  expect(JSON.parse((await stack.must('up', '-q', '--json')).stdout)).toMatchObject({ changes: 0 });
  const refused = await stack.run('cluster', 'failover', 'redis-1', '-q');
  expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
  expect(refused.stderr).toContain('✗');
});

test('the docker command line sees health, labels and the compose project', async () => {
  stack = await stacks.shared();
  const isHealthy = async (): Promise<boolean> => {
    const containers = (await stack.engine.listContainers()).filter(({ name }) => name.startsWith(`${stack.name}-`));
    return containers.length === 3 && containers.every(({ status }) => status.includes('(healthy)'));
  };
  await expect.poll(isHealthy, { timeout: 180_000, interval: 500 }).toBe(true);
  const container = (await stack.engine.listContainers()).find(({ name }) => name === stack.container(1));
  expect(container?.labels).toMatchObject({
    'redis-cluster-as-code.stack': stack.name,
    'com.docker.compose.project': stack.name,
    'com.docker.compose.service': 'redis-1',
    // Without it, `docker compose ls` lists nothing.
    'com.docker.compose.config-hash': expect.stringMatching(/./) as string,
    'com.docker.compose.project.config_files': stack.file,
  });
});

test("another container on the network is never given a node's address, even while the node is away", async () => {
  stack = await makeStack();
  await stack.must('up');
  await stack.engine.removeContainer(stack.container(1));
  const docker = dockerOf(stack.engine);
  const guest = await docker.createContainer({
    name: `${stack.name}-guest`,
    Image: (await stack.engine.listContainers()).find(({ name }) => name === stack.container(2))?.imageId ?? '',
    Labels: {
      ...(await ownerLabels()),
      'redis-cluster-as-code.stack': stack.name,
      'redis-cluster-as-code.node': 'guest',
    },
    HostConfig: { NetworkMode: `${stack.name}-net` },
  });
  await guest.start();
  const addresses = (await stack.engine.listContainers()).find(({ name }) => name === `${stack.name}-guest`)?.addresses;
  expect(addresses?.[`${stack.name}-net`]).toMatch(/\.(12[89]|1[3-9]\d|2\d\d)$/);
});

test('a volume of our name that nobody owns is made anew while it is empty, and left alone with anything in it', async () => {
  stack = await makeStack();
  const docker = dockerOf(stack.engine);
  const name = `${stack.name}-redis-2-data`;
  // As an engine leaves it that ends in the middle of making it.
  await docker.createVolume({ Name: name });
  expect((await stack.must('plan')).stdout).toContain(
    `- remove half-made volume ${name}  (it holds nothing, and nobody owns it)`,
  );
  await stack.must('up');
  const made = (await stack.engine.listVolumes()).find((volume) => volume.name === name);
  expect(made?.labels['redis-cluster-as-code.stack']).toBe(stack.name);
  expect((await stack.must('up')).stdout).toContain('nothing to do');

  await stack.must('down', '--volumes', '--yes');
  await docker.createVolume({ Name: name });
  const HostConfig = { Binds: [`${name}:/data`] };
  const writer = await docker.createContainer({
    Image: LOCAL_IMAGE,
    Cmd: ['sh', '-c', 'echo mine > /data/mine'],
    HostConfig,
  });
  try {
    await writer.start();
    await writer.wait();
    await writer.remove();
    const { exitCode, stderr } = await stack.run('up');
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(stderr).toContain(`the volume ${name} exists and was not made by this program; it is left alone`);
  } finally {
    await docker.getVolume(name).remove();
  }
});
