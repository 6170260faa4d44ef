import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findOwner, OWNER_VARIABLE } from '../../src/host/owner.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import { lacks, ONLY_LOOPBACK_NODE, RUN_PYTHON } from '../helpers/clients.ts';
import { installPackage, type Project } from '../helpers/package.ts';
import {
  dockerOf,
  makeStack,
  removeByLabel,
  runMain,
  testEngine,
  type Outcome,
  type TestStack,
} from '../helpers/test-stack.ts';
import type { Engine } from '../../src/engine/engine.ts';

/** The package as it is packed, in a project with the examples and the libraries that these use. */
let project: Project;
let engine: Engine;
/** Of each test its own: what a stack leaves here, it leaves behind. */
let state: string;
let count = 0;
const children: ChildProcess[] = [];

beforeAll(async () => {
  [project, engine] = await Promise.all([installPackage(), testEngine()]);
  cpSync('test/examples', project.folder, { recursive: true });
  for (const library of ['vitest', 'jest', 'ioredis', 'redis', 'tsx']) {
    symlinkSync(resolve('node_modules', library), join(project.folder, 'node_modules', library));
  }
  writeFileSync(join(project.folder, 'only-loopback.mjs'), ONLY_LOOPBACK_NODE);
  writeFileSync(join(project.folder, 'any.py'), RUN_PYTHON);
});
beforeEach(() => {
  count += 1;
  state = join(project.folder, `state-${count}`);
  mkdirSync(state);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const name of clusters()) await removeByLabel(engine, name);
});
afterAll(() => project.remove());

const env = (): NodeJS.ProcessEnv => ({
  XDG_STATE_HOME: state,
  NO_COLOR: '1',
  REDIS_CLUSTER_OWNER_PID: '',
  NODE_OPTIONS: `--import ${join(project.folder, 'only-loopback.mjs')}`,
});
const run = (command: string, below = '.'): Promise<Outcome> => project.run(command, { below, env: env() });

/** The names of the clusters of this test that have files. */
function clusters(): string[] {
  const folder = join(state, 'redis-cluster-as-code');
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** What is on the engine of a cluster. */
async function thingsOf(name: string): Promise<string[]> {
  const all = [await engine.listContainers(), await engine.listNetworks(), await engine.listVolumes()].flat();
  return all.filter(({ labels }) => labels[LABELS.stack] === name).map((thing) => thing.name);
}

async function untilGone(name: string): Promise<void> {
  await expect.poll(() => thingsOf(name), { timeout: 60_000, interval: 200 }).toEqual([]);
  await expect.poll(clusters, { timeout: 20_000 }).not.toContain(name);
}

/** A program of the project's in a process of its own that says the name of its cluster and goes on. */
async function startProgram(code: string, launcher = ''): Promise<{ child: ChildProcess; name: string }> {
  const file = join(project.folder, `program-${count}-${children.length}.js`);
  writeFileSync(file, `const { RedisCluster } = require('redis-cluster-as-code');\n${code}`);
  const child = project.start(`exec ${launcher} ${process.execPath} ${file}`, { env: env() });
  children.push(child);
  let text = '';
  child.stdout?.on('data', (chunk) => (text += String(chunk)));
  child.stderr?.on('data', (chunk) => (text += String(chunk)));
  await expect.poll(() => text, { timeout: 120_000 }).toMatch(/\n/);
  const [name = ''] = text.split('\n');
  if (!/^test-[0-9a-f]{8}$/.test(name)) throw new Error(text);
  return { child, name };
}

const START_AND_STAY = `RedisCluster.start().then(({ name }) => { console.log(name); setInterval(() => {}, 1000); });`;

describe('the examples, with the real runners', () => {
  const examples: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'vitest, one cluster for all',
      'vitest',
      'node ../node_modules/vitest/vitest.mjs run --testTimeout 60000 --hookTimeout 60000',
      /Tests {2}2 passed/,
    ],
    [
      'vitest, a cluster for each worker',
      'vitest',
      'node ../node_modules/vitest/vitest.mjs run --testTimeout 60000 --hookTimeout 60000 --config per-worker.config.ts',
      /Tests {2}3 passed/,
    ],
    [
      'jest, one cluster for all',
      'jest',
      'node ../node_modules/jest/bin/jest.js --testTimeout 60000',
      /Tests: +2 passed, 2 total/,
    ],
    [
      'jest, a cluster for each worker',
      'jest',
      'node ../node_modules/jest/bin/jest.js --testTimeout 60000 --config per-worker.config.js',
      /Tests: +2 passed, 2 total/,
    ],
    ['await using, a failover', 'node', 'node --import tsx failover.ts', /^hello\n/],
    ['a shell script', 'shell', 'npx redis-cluster run -- ./cart.sh', /^cluster_state:ok\r?\n/],
    ['Python', 'python', 'npx redis-cluster run -- /usr/bin/python3 ../any.py test_cart.py', /OK/],
  ];
  test.each(examples)('%s', async (what, folder, command, says) => {
    if (folder === 'python' && lacks('python3-redis')) return;
    if (folder === 'shell' && lacks('redis-cli')) return;
    const { exitCode, stdout, stderr } = await run(command, folder);
    expect(`${what}: ${stdout}${stderr}`).toMatch(new RegExp(`${what}: [^]*${says.source.replace('^', '')}`));
    expect(exitCode).toBe(0);
    expect(clusters()).toEqual([]);
  });
});

describe('run -- COMMAND', () => {
  test('gives the command its cluster and its exit code, writes nothing to stdout, and leaves nothing', async () => {
    const { exitCode, stdout, stderr } = await run(
      `npx redis-cluster run -- sh -c 'cat "$REDIS_PASSWORD_FILE" | wc -c; echo $REDIS_CLUSTER_NODES; exit 7'`,
    );
    expect(stdout).toMatch(/^44\n127\.0\.0\.1:\d+,127\.0\.0\.1:\d+,127\.0\.0\.1:\d+\n$/);
    expect(exitCode).toBe(7);
    const [, name = ''] = /(test-[0-9a-f]{8}): 3 nodes/.exec(stderr) ?? [];
    expect(await thingsOf(name)).toEqual([]);
    expect(clusters()).toEqual([]);
  });

  test('passes a signal on, and waits for what the command makes of it', async () => {
    const script = `trap "echo told; exit 3" TERM; echo ready; while :; do sleep 0.1; done`;
    const child = project.start(`exec ${process.execPath} node_modules/.bin/redis-cluster run -- sh -c '${script}'`, {
      env: env(),
    });
    children.push(child);
    let text = '';
    child.stdout?.on('data', (chunk) => (text += String(chunk)));
    await expect.poll(() => text, { timeout: 120_000 }).toContain('ready');
    const [name = ''] = clusters();
    child.kill('SIGTERM');
    expect(await once(child, 'close')).toEqual([3, null]);
    expect(text).toContain('told');
    expect(await thingsOf(name)).toEqual([]);
  });

  test.each([
    ['run -- no-such-program', 127, 'could not run no-such-program: there is no such command'],
    ['run --nodes 2 -- true', 2, 'nodes: must be 3 or more'],
    ['run --nodes many -- true', 2, "--nodes takes a whole number, not 'many'"],
    ['run', 2, 'there is no command to run'],
    ['run -f other.yaml -- true', 2, 'reads no -f'],
    ['run --host unix:///nowhere.sock -- true', 1, 'does not answer'],
  ])('%s ends with %i, and nothing is left', async (words, code, says) => {
    const { exitCode, stderr } = await run(`npx redis-cluster ${words}`);
    expect(stderr).toContain(says);
    expect(exitCode).toBe(code);
    expect(clusters()).toEqual([]);
  });

  test('--reuse leaves it running, with its keys, for the next run with the same options', async () => {
    const cli = `sh -c 'REDISCLI_AUTH=$(cat $REDIS_PASSWORD_FILE) npx redis-cluster redis-cli -f "$(dirname $REDIS_PASSWORD_FILE)/redis-cluster.yaml" -- -c`;
    expect(await run(`npx redis-cluster run --reuse -- ${cli} SET kept yes'`)).toMatchObject({ exitCode: 0 });
    const [name = ''] = clusters();
    expect(name).toMatch(/^reuse-/);
    const again = await run(`npx redis-cluster run --reuse -- ${cli} GET kept'`);
    expect(again.stdout.trim()).toBe('yes');
    expect(clusters()).toEqual([name]);
    expect(await run(`npx redis-cluster down --name ${name} --volumes --yes`)).toMatchObject({ exitCode: 0 });
    expect(await thingsOf(name)).toEqual([]);
  });
});

describe('an owner that ends', () => {
  test.each([
    ['is killed', 'setTimeout(() => process.kill(process.pid, "SIGKILL"), 1000)'],
    ['calls process.exit', 'process.exit(1)'],
    ['fails', 'throw new Error("on purpose")'],
  ])('and %s leaves nothing', async (_how, end) => {
    const { child, name } = await startProgram(
      `RedisCluster.start().then(({ name }) => { console.log(name); ${end}; });`,
    );
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    await untilGone(name);
    expect(await thingsOf(name)).toEqual([]);
  });

  test('with a whole group of processes, by kill -9 of all: the next start of anybody removes what is left', async () => {
    const { child, name } = await startProgram(START_AND_STAY);
    await stopReaperOf(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await thingsOf(name)).toHaveLength(7);
    const next = await startProgram(START_AND_STAY);
    await untilGone(name);
    expect(await thingsOf(next.name)).toHaveLength(7);
    next.child.kill('SIGKILL');
    await untilGone(next.name);
  });

  test('and whose data somebody else uses is named, with what to do, and removed when that has gone', async () => {
    const { child, name } = await startProgram(START_AND_STAY);
    await stopReaperOf(child);
    const guest = await dockerOf(engine).createContainer({
      name: `${name}-guest`,
      Image: 'redis-cluster-as-code:local',
      HostConfig: { Mounts: [{ Type: 'volume', Source: `${name}-redis-1-data`, Target: '/data' }] },
    });
    try {
      child.kill('SIGKILL');
      await once(child, 'exit');
      const { exitCode, stderr } = await run('npx redis-cluster down --all-stale --yes');
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(
        new RegExp(`stale stacks? could not be removed[^]*${name}: the volume ${name}-redis-1-data`),
      );
      expect(stderr).toContain(`docker rm -f ${name}-guest`);
      expect(await thingsOf(name)).toContain(`${name}-redis-1-data`);
    } finally {
      await guest.remove({ force: true });
    }
    await run('npx redis-cluster down --all-stale --yes');
    expect(await thingsOf(name)).toEqual([]);
  });

  /** Of another process table nobody can see whether a process lives: as from a container that shares the engine's socket. */
  const canUnshare = spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;
  test.skipIf(!canUnshare)('in another process table is known by its hold on a container', async () => {
    const long = join(project.folder, 'long-ago.js');
    writeFileSync(long, 'const now = Date.now; Date.now = () => now() - 600_000;');
    const { child, name } = await startProgram(
      START_AND_STAY,
      `unshare --pid --fork --mount-proc --kill-child env NODE_OPTIONS="--require ${long}"`,
    );
    const isHeld = async (): Promise<boolean> => {
      const running = (await engine.listContainers()).filter(({ labels }) => labels[LABELS.stack] === name);
      const held = await Promise.all(running.map((one) => engine.isHeld(one.name)));
      return held.includes(true);
    };
    await expect.poll(isHeld, { timeout: 60_000 }).toBe(true);
    await run('npx redis-cluster down --all-stale --yes');
    expect(await thingsOf(name)).toHaveLength(7);
    child.kill('SIGKILL');
    await once(child, 'exit');
    await expect.poll(isHeld, { timeout: 60_000 }).toBe(false);
    await run('npx redis-cluster down --all-stale --yes');
    expect(await thingsOf(name)).toEqual([]);
  });
});

/** Here, since it is for all that is on the engine: stories of one file take turns. */
describe('down --all-stale', () => {
  let owner: ChildProcess;
  let stack: TestStack;
  afterEach(async () => {
    owner.kill('SIGKILL');
    await stack.remove();
  });

  test('removes exactly what was made for a process that was killed, data included, and only after a yes', async () => {
    owner = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    stack = await makeStack({ env: { [OWNER_VARIABLE]: String(owner.pid ?? '') } });
    const ownerLabel = (await findOwner(stack.env)) ?? '';
    await stack.must('up');
    // The owner is no part of what the nodes are made from.
    const asMyself = await runMain(['plan', '-f', stack.file], { ...stack.env, [OWNER_VARIABLE]: '' });
    expect(asMyself.stdout).toContain('Nothing to do');

    // Three beside it, made by hand: what is looked at are labels.
    const docker = dockerOf(stack.engine);
    const volume = async (name: string, more: Record<string, string>): Promise<void> => {
      await docker.createVolume({ Name: `${name}-data`, Labels: { [LABELS.stack]: name, ...more } });
    };
    const myself = (await findOwner({ [OWNER_VARIABLE]: String(process.pid) })) ?? '';
    const others = ['living', 'unowned', 'mixed'].map((kind) => `${stack.name}-${kind}`);
    const [living = '', unowned = '', mixed = ''] = others;
    try {
      await volume(living, { [LABELS.owner]: myself });
      await volume(unowned, {});
      await volume(mixed, {});
      await docker.createVolume({
        Name: `${mixed}-more`,
        Labels: { [LABELS.stack]: mixed, [LABELS.owner]: ownerLabel },
      });
      const isStale = async (): Promise<boolean> =>
        (await runMain(['down', '--all-stale', '--json'], process.env)).stdout.includes(`${stack.name}:`);
      expect(await isStale()).toBe(false);
      owner.kill('SIGKILL');
      await once(owner, 'exit');

      const refused = await runMain(['down', '--all-stale'], process.env);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('CONFIRMATION_NEEDED');
      expect(refused.stderr).toContain(`${stack.name}: 3 containers, 1 network, 3 volumes`);
      for (const other of others) expect(refused.stderr).not.toContain(`${other}:`);
      expect(await thingsOf(stack.name)).toHaveLength(7);

      const { exitCode, stdout } = await runMain(['down', '--all-stale', '--yes', '--json'], process.env);
      expect(exitCode).toBe(0);
      const { stacks } = JSON.parse(stdout) as { stacks: { stack: string; removed: unknown[] }[] };
      const names = stacks.map((one) => one.stack);
      expect(stacks.find((one) => one.stack === stack.name)?.removed).toHaveLength(7);
      for (const other of others) expect(names).not.toContain(other);
      expect(await thingsOf(stack.name)).toEqual([]);
      const left = (await stack.engine.listVolumes())
        .map(({ name }) => name)
        .filter((name) => name.startsWith(stack.name));
      expect(left.toSorted()).toEqual(
        [`${living}-data`, `${mixed}-data`, `${mixed}-more`, `${unowned}-data`].toSorted(),
      );
    } finally {
      const mine = (await stack.engine.listVolumes()).filter(({ labels }) =>
        others.includes(labels[LABELS.stack] ?? ''),
      );
      await Promise.all(mine.map(({ name }) => stack.engine.removeVolume(name)));
    }
  });
});

/** What stands beside a process, ended before it: as where the machine takes all at once. */
async function stopReaperOf({ pid = 0 }: ChildProcess): Promise<void> {
  const find = (): number[] =>
    spawnSync('ps', ['--ppid', String(pid), '-o', 'pid='], { encoding: 'utf8' })
      .stdout.split('\n')
      .map(Number)
      .filter((one) => one > 0);
  await expect.poll(find, { timeout: 30_000 }).toHaveLength(1);
  for (const one of find()) process.kill(one, 'SIGKILL');
}

test('clusters that start at the same time in several processes each have their own place', async () => {
  const code = `Promise.all([1, 2].map(() => RedisCluster.start({ timeoutMs: 240_000 }))).then(async (both) => {
    for (const { name, nodes } of both) console.error(name, nodes.map(({ port }) => port).join(' '));
    await Promise.all(both.map((cluster) => cluster.stop()));
  });`;
  writeFileSync(join(project.folder, 'both.js'), `const { RedisCluster } = require('redis-cluster-as-code');\n${code}`);
  const outcomes = await Promise.all([1, 2, 3].map(() => run(`${process.execPath} both.js`)));
  for (const { exitCode, stderr } of outcomes) expect(`${exitCode} ${stderr}`).toMatch(/^0 /);
  const lines = outcomes.flatMap(({ stderr }) => stderr.trim().split('\n'));
  expect(lines).toHaveLength(6);
  const ports = lines.flatMap((line) => line.split(' ').slice(1));
  expect(new Set(ports).size).toBe(18);
  expect(clusters()).toEqual([]);
});

test('nodes stop, start and take over, and flush empties all of them', async () => {
  const code = `(async () => {
    const cluster = await RedisCluster.start({ replicas: 1 });
    const { Cluster } = require('ioredis');
    const redis = new Cluster(cluster.nodes, { ...cluster.ioredisOptions, maxRedirections: 200 });
    const keys = Array.from({ length: 30 }, (_, index) => 'key:' + index);
    await Promise.all(keys.map((key) => redis.set(key, 'x')));
    const left = async () => (await Promise.all(keys.map((key) => redis.exists(key)))).reduce((sum, one) => sum + one);
    await cluster.failover('redis-4');
    const afterFailover = await left();
    await cluster.stopNode('redis-1');
    const whileStopped = await left();
    await cluster.startNode('redis-1');
    await cluster.flush();
    const refused = await cluster.stopNode('redis-9').catch((error) => error.code + ' ' + error.message);
    console.error(JSON.stringify({ afterFailover, whileStopped, left: await left(), refused }));
    redis.disconnect();
    await cluster.stop();
    await cluster.stop();
  })();`;
  writeFileSync(
    join(project.folder, 'nodes.js'),
    `const { RedisCluster } = require('redis-cluster-as-code');\n${code}`,
  );
  const { exitCode, stderr } = await run(`${process.execPath} nodes.js`);
  expect(JSON.parse(stderr)).toEqual({
    afterFailover: 30,
    whileStopped: 30,
    left: 0,
    refused: expect.stringMatching(/^USAGE there is no node 'redis-9'[^]*redis-1, redis-2/),
  });
  expect(exitCode).toBe(0);
  expect(clusters()).toEqual([]);
});

test('options that make no cluster, and an engine that is not there, say what to do', async () => {
  const code = `(async () => {
    for (const options of [{ nodes: 2, ports: 7000 }, { host: 'unix:///nowhere.sock' }]) {
      await RedisCluster.start(options).catch((error) => console.error(error.code + ': ' + error.message));
    }
  })();`;
  writeFileSync(
    join(project.folder, 'wrong.js'),
    `const { RedisCluster } = require('redis-cluster-as-code');\n${code}`,
  );
  const { stderr } = await run(`${process.execPath} wrong.js`);
  expect(stderr).toMatch(/USAGE: these options make no cluster; nothing was started\n {2}nodes: must be 3 or more/);
  expect(stderr).toMatch(/ENGINE_UNREACHABLE: .*nowhere\.sock.*\n {2}→ Start the engine/);
  expect(clusters()).toEqual([]);
});
