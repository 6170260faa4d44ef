import { afterEach, expect, test } from 'vitest';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

/** A key in each of the three nodes: their slots are 1649, 7597 and 11033. */
const KEYS = ['user:1000', 'user:2000', 'user:3000'];

async function writeKeys(): Promise<void> {
  for (const key of KEYS) expect(await stack.redis(1, 'SET', key, `value of ${key}`)).toBe('OK');
}

async function expectKeys(): Promise<void> {
  for (const key of KEYS) expect(await stack.redis(2, 'GET', key)).toBe(`value of ${key}`);
}

test('down keeps the data, and the next up goes on with it under the same identity', async () => {
  stack = await stacks.shared();
  await writeKeys();
  const id = await stack.redis(1, 'CLUSTER', 'MYID');
  const { stdout } = await stack.must('down');
  expect(stdout).toContain(`The data is kept in`);
  const names = (await stack.engine.listContainers()).map(({ name }) => name);
  expect(names.filter((name) => name.startsWith(stack.name))).toEqual([]);
  expect((await stack.engine.listNetworks()).map(({ name }) => name)).not.toContain(`${stack.name}-net`);

  expect((await stack.must('plan')).stdout).not.toContain('seed');
  await stack.must('up');
  await expectKeys();
  expect(await stack.redis(1, 'CLUSTER', 'MYID')).toBe(id);
});

test('down --volumes asks, and deletes the data only after a yes', async () => {
  stack = await stacks.shared();
  await writeKeys();
  const refused = await stack.run('down', '--volumes');
  expect(refused.exitCode).toBe(2);
  expect(refused.stderr).toContain('nothing was changed');
  // Without the file it would delete the data of another stack.
  const command = `npx tsx manage.ts down --volumes --yes -f ${stack.file}   # deletes the data without asking`;
  expect(refused.stderr).toContain(`→ ${command}\n`);
  const asData = await stack.run('down', '--volumes', '--json');
  expect(JSON.parse(asData.stdout)).toMatchObject({ error: { code: 'CONFIRMATION_NEEDED', hint: command } });
  await expectKeys();

  await stack.must('down', '--volumes', '--yes');
  expect((await stack.engine.listVolumes()).filter(({ name }) => name.startsWith(stack.name))).toEqual([]);
  await stack.must('up');
  expect(await stack.redis(1, 'GET', 'user:1000')).toBe('');
});

test('a second down has nothing to do', async () => {
  stack = await makeStack();
  await stack.must('up');
  await stack.must('down');
  expect((await stack.must('down')).stdout).toContain('nothing was there');
});

test('a container that was deleted by hand comes back with its data', async () => {
  stack = await stacks.shared();
  await writeKeys();
  await stack.engine.removeContainer(stack.container(2));
  const { stdout } = await stack.run('status');
  expect(stdout).toContain('redis-2 does not answer: its container is not there');
  await stack.must('up');
  await expectKeys();
});

test('a container that was stopped or paused by hand runs again', async () => {
  stack = await stacks.shared();
  await writeKeys();
  await stack.engine.stopContainer(stack.container(1), 10);
  expect((await stack.run('status')).exitCode).toBe(1);
  await stack.must('up');
  await expectKeys();

  await stack.engine.stopContainer(stack.container(1), 10);
  await stack.must('restart', 'redis-1');
  await stack.engine.stopContainer(stack.container(1), 10);
  await stack.must('restart', 'redis-1', 'redis-2', '--rolling');
  await expectKeys();

  const docker = dockerOf(stack.engine);
  await docker.getContainer(stack.container(3)).pause();
  expect((await stack.must('plan')).stdout).toContain(`~ unpause container ${stack.container(3)}  (it is paused)`);
  await stack.must('up');
  await expectKeys();
});

test('replicas that leave the YAML file are forgotten by the others', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  await writeKeys();
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0').replaceAll(/ {4}redis-[456]: .*\n/g, ''));
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_known_nodes:3');
  await expectKeys();
});

test('restart keeps every key, of one node and of all', async () => {
  stack = await stacks.shared();
  await writeKeys();
  await stack.must('restart', 'redis-2');
  await expectKeys();
  await stack.must('restart');
  await expectKeys();
  const unknown = await stack.run('restart', 'redis-9');
  expect(unknown.exitCode).toBe(2);
  expect(unknown.stderr).toContain('Its nodes are: redis-1, redis-2, redis-3');
});

test('the whole stack moves to another subnet: the node tables have old addresses, the data stays', async () => {
  stack = await makeStack();
  const other = await makeStack();
  try {
    await stack.must('up');
    await writeKeys();
    const [oldPrefix = '', newPrefix = ''] = [stack.subnet, other.subnet].map((subnet) => subnet.replace('.0/24', ''));
    stack.edit((yaml) => yaml.replaceAll(`${oldPrefix}.`, `${newPrefix}.`));
    await stack.must('up');
    await expectKeys();
    const table = await stack.redis(3, 'CLUSTER', 'NODES');
    expect(table).not.toContain(`${oldPrefix}.`);
    expect(table.match(new RegExp(`${newPrefix}\\.`, 'g'))).toHaveLength(3);
  } finally {
    await other.remove();
  }
});

test('the password file was lost: the running stack gives it back', async () => {
  stack = await stacks.shared();
  const { stdout: before } = await stack.must('env', '--reveal');
  const { rmSync } = await import('node:fs');
  rmSync(`${stack.folder}/state`, { recursive: true });
  // The authority was lost with it: the nodes get certificates of a new one.
  const { stderr } = await stack.must('up');
  expect(stderr.match(/✓ renew certificate redis-/g)).toHaveLength(3);
  expect((await stack.must('env', '--reveal')).stdout).toBe(before);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('nodes that were started without a node table still become a cluster, the slow way', async () => {
  stack = await makeStack();
  await stack.must('up');
  // What `docker rm` and an empty volume leave: nodes that know only themselves.
  for (const node of [1, 2, 3]) await stack.redis(node, 'CLUSTER', 'RESET', 'HARD');
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384');
  await writeKeys();
  await expectKeys();
});
