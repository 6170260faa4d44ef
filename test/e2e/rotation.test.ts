/** The password changes while everything runs. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Cluster, Redis } from 'ioredis';
import { afterEach, expect, test } from 'vitest';
import { PASSWORD_FILE, passwordHash, SECRET_FILE, secretConf, USERS_FILE } from '../../src/plan/node/redis-config.ts';
import { Secret } from '../../src/secret.ts';
import { natMapOf } from '../../src/stack/connect/connection.ts';
import { linkNodes } from '../../src/stack/connect/with-nodes.ts';
import { runKilledAfter } from '../helpers/killed.ts';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { makeStack, runMain, type Outcome, type TestStack } from '../helpers/test-stack.ts';
import { isThorough } from '../helpers/reliability-record.ts';

let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

const passwordFile = (): string => join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password');
const password = (): string => readFileSync(passwordFile(), 'utf8').trim();

async function connectCluster(): Promise<Cluster> {
  const natMap = natMapOf(await stack.session(), 'plain');
  const cluster = new Cluster(Object.values(natMap), { natMap, redisOptions: { password: password() } });
  await new Promise((resolve) => cluster.once('ready', resolve));
  return cluster;
}

/** Every node accepts the password of the file, and no other; after a restart it does so too. */
async function expectSettled(): Promise<void> {
  const hash = passwordHash(password());
  const links = await linkNodes(await stack.session(), { password: new Secret(password()) });
  for (const [index, link] of links.entries()) {
    const { accepted, sent } = await link.readPasswords();
    link.close();
    expect(accepted).toEqual([hash]);
    expect(sent.reveal()).toBe(password());
    const container = stack.container(index + 1);
    expect(await stack.engine.readFile(container, PASSWORD_FILE)).toBe(password());
    expect(await stack.engine.readFile(container, USERS_FILE)).toContain(`#${hash}`);
    expect(await stack.engine.readFile(container, SECRET_FILE)).toBe(secretConf(password()));
  }
}

test(
  '10,000 writes a second go on while it changes, and none is lost; whoever logs in, can',
  { timeout: 300_000 },
  async () => {
    stack = await makeStack({ nodeCount: 6, replicas: 1, redis: '  cpus: 2\n' });
    await stack.must('up');
    const before = password();
    const cluster = await connectCluster();
    const acknowledged: string[] = [];
    const failures: unknown[] = [];
    const until = new AbortController();
    const { signal } = until;
    const perTick = 120;
    const tickMs = 10;
    const batches: Promise<unknown>[] = [];
    const writing = (async () => {
      const start = Date.now();
      for (let tick = 0; !signal.aborted; tick += 1) {
        const keys = Array.from({ length: perTick }, (_, index) => `write:${tick}:${index}`);
        const batch = Promise.all(
          keys.map((key) =>
            cluster.set(key, key).then(
              () => acknowledged.push(key),
              (error: unknown) => failures.push(error),
            ),
          ),
        );
        batches.push(batch);
        if (tick % 20 === 0) await batch;
        await new Promise((resolve) => setTimeout(resolve, Math.max(0, start + tick * tickMs - Date.now())));
      }
      return Date.now() - start;
    })();
    let logins = 0;
    const loggingIn = (async () => {
      while (!signal.aborted) {
        const known = password();
        const client = new Redis({
          port: stack.ports[0] ?? 0,
          password: known,
          lazyConnect: true,
          retryStrategy: () => null,
        });
        client.on('error', () => undefined);
        const answer = await client.ping().catch((error: unknown) => String(error));
        client.disconnect();
        // What was read from the source may be the old one by now; a second look then shows another.
        if (answer !== 'PONG' && password() === known) failures.push(answer);
        logins += 1;
      }
    })();

    const rotate = async (): Promise<string> => {
      await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(2000);
      const rotated = await stack.must('secrets', 'rotate');
      const written = acknowledged.length;
      await expect.poll(() => acknowledged.length, { timeout: 30_000 }).toBeGreaterThan(written + 2000);
      return rotated.stdout;
    };
    const stdout = await rotate().finally(() => until.abort());
    const elapsedMs = await writing;
    await loggingIn;
    await Promise.all(batches);
    expect(acknowledged.length % perTick).toBe(0);

    expect(stdout).toContain('6 nodes have a new password');
    expect(stdout).not.toContain(password());
    expect(failures).toEqual([]);
    expect(logins).toBeGreaterThan(5);
    const values = await Promise.all(acknowledged.map((key) => cluster.get(key)));
    expect(values.filter((value, index) => value !== acknowledged[index])).toEqual([]);
    cluster.disconnect();
    console.log(
      `${acknowledged.length} writes, ${Math.round((acknowledged.length * 1000) / elapsedMs)} a second, none lost; ${logins} logins`,
    );

    expect(password()).not.toBe(before);
    await expectSettled();
    // Replicas log in at their primaries with it, after a restart too.
    await stack.must('restart');
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  },
);

test(
  'killed after any of its changes, the next run finishes it, and in between everything works',
  { timeout: 600_000 },
  async () => {
    stack = await stacks.shared();
    await stack.redis(1, '-c', 'SET', 'kept', 'yes');
    // Three nodes: file and command for each of three steps, and the publication.
    const changes = 3 * 2 * 3 + 1;
    const all = Array.from({ length: changes }, (_, index) => index + 1);
    for (const point of isThorough ? all : FIRST_AND_LAST_OF_EACH_STEP) {
      expect(await runKilledAfter(stack, 'rotate', point), `point ${point}`).toBe('SIGKILL');
      // An application with the source's password gets in, whatever stopped.
      const cluster = await connectCluster();
      expect(await cluster.get('kept')).toBe('yes');
      cluster.disconnect();
      const isUp = point % 2 === 0;
      await stack.must(...(isUp ? ['up'] : ['secrets', 'rotate']));
      await expectSettled();
    }
    expect(await runKilledAfter(stack, 'rotate', changes + 1)).toBeNull();
  },
);

/** The publication is the seventh. */
const FIRST_AND_LAST_OF_EACH_STEP = [1, 6, 7, 8, 13, 14, 19];

/** A user that a person made on each node logs in there. */
async function expectUser(name: string): Promise<void> {
  const answers = await Promise.all(stack.ips.map((_ip, node) => stack.redis(node + 1, 'AUTH', name, 'of-a-person')));
  expect(answers).toEqual(stack.ips.map(() => 'OK'));
}

async function makeUser(name: string, nodes: readonly number[]): Promise<void> {
  for (const node of nodes) {
    await stack.redis(node, 'ACL', 'SETUSER', name, 'on', '>of-a-person', '~app:*', '-@all', '+get');
    await stack.redis(node, 'ACL', 'SAVE');
  }
}

test('killed half-way and all containers restarted: they come back with what they had, and up finishes it', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  await stack.redis(1, '-c', 'SET', 'kept', 'yes');
  const all = stack.ips.map((_ip, node) => node + 1);
  await makeUser('app', all);
  for (const point of [7, 20, 34]) {
    expect(await runKilledAfter(stack, 'rotate', point)).toBe('SIGKILL');
    await Promise.all(stack.ips.map((_ip, node) => stack.engine.restartContainer(stack.container(node + 1), 10)));
    await stack.must('up');
    await expectSettled();
    expect(await stack.redis(1, '-c', 'GET', 'kept')).toBe('yes');
    await expectUser('app');
  }

  // Users lie with the keys. A node that lost them gets those that all others have, and no others.
  await makeUser('half', [1, 2]);
  await stack.engine.removeContainer(stack.container(3));
  await stack.engine.removeContainer(stack.container(6));
  await stack.engine.removeVolume(`${stack.container(6)}-data`);
  await stack.must('up');
  await expectUser('app');
  await stack.must('down');
  const { stderr } = await stack.must('up');
  await expectUser('app');

  // Where they differ, nobody but a person knows which of them is right: it is said, and left.
  await stack.redis(4, 'ACL', 'SETUSER', 'app', '>another-of-a-person');
  const missing = 'the user half is missing on redis-3, redis-4, redis-5 and redis-6';
  const different = 'the user app has other rules or passwords on one of';
  expect(stderr).not.toContain(different);
  const told = [await stack.must('plan', '--json'), await stack.must('doctor'), await stack.must('up')];
  for (const { stdout, stderr: progress } of told) {
    const text = stdout + progress;
    expect(text).toContain(missing);
    expect(text).toContain(different);
    expect(text).toContain(`redis-cli redis-1 -f ${stack.file} -- ACL LIST`);
    expect(text).not.toMatch(/of-a-person|[0-9a-f]{64}/);
  }
  const { stdout: plan } = await stack.must('plan');
  expect(plan).toContain('Nothing to do');
  expect(plan).toContain(missing);
  for (const node of [1, 2]) await stack.redis(node, 'ACL', 'DELUSER', 'half');
  await stack.redis(4, 'ACL', 'LOAD');
  expect((await stack.must('plan')).stdout).not.toContain('the user ');
}, 600_000);

test('a password that was changed in its file is seen by plan, and up gives it to every node without a restart', async () => {
  stack = await stacks.shared();
  const run = await stack.redis(1, 'INFO', 'server').then((info) => /run_id:\w+/.exec(info)?.[0]);
  const client = await connectCluster();
  // A cluster client connects to a node when it first needs it: from now on it is connected to all.
  const keys = Array.from({ length: 30 }, (_, index) => `key:${index}`);
  await Promise.all(keys.map((key) => client.set(key, 'x')));
  writeFileSync(passwordFile(), 'another "one"\\ with \'quotes\' and ünïcode\n');

  const plan = await stack.run('plan', '--detailed-exitcode');
  expect(plan.exitCode).toBe(3);
  expect(plan.stdout).toBe(
    `${[1, 2, 3].map((node) => `~ accept password redis-${node}  (the password changed)\n`).join('')}More may follow: up looks again after each round.\n`,
  );
  expect((await stack.must('status')).stdout).toContain('cluster_state:ok');
  await stack.must('up');
  await expectSettled();
  expect(await stack.redis(1, 'INFO', 'server')).toContain(run);
  expect(await Promise.all(keys.map((key) => client.get(key)))).toEqual(keys.map(() => 'x'));
  client.disconnect();
  expect((await stack.must('plan')).stdout).toContain('Nothing to do');
});

test('a password that somebody set by hand: named, and the hint brings the right one back', async () => {
  stack = await stacks.shared();
  await stack.redis(2, 'CONFIG', 'SET', 'requirepass', 'by-hand');
  const { exitCode, stderr } = await stack.run('up');
  expect(exitCode).toBe(1);
  expect(stderr).toContain('redis-2 has a password that this program');
  expect(stderr).toContain('npx tsx manage.ts restart redis-2');
  expect(stderr).not.toContain('by-hand');
  await stack.must('restart', 'redis-2');
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('two users with a file each: who has the older password changes nothing, and learns who has changed it', async () => {
  stack = await stacks.shared();
  const { name, file, folder } = stack;
  const run = (state: string, ...argv: string[]): Promise<Outcome> =>
    runMain(stack.withFile(argv), { ...stack.env, XDG_STATE_HOME: join(folder, state) });
  const fileOf = (state: string): string => join(folder, state, 'redis-cluster-as-code', name, 'password');
  const before = password();

  // The other one begins with what the nodes have, and is told whom his rotation concerns.
  const rotated = await run('other', 'secrets', 'rotate');
  expect(rotated.exitCode).toBe(0);
  expect(rotated.stderr).toContain(`@${hostname()}, who keeps it in the file ${passwordFile()}, and is refused`);

  const hashes = await stack.redis(1, 'ACL', 'LIST');
  const refused = [await stack.run('plan'), await stack.run('up'), await stack.run('secrets', 'rotate')];
  refused.push(await stack.run('doctor'));
  const secrets = [before, password(), readFileSync(fileOf('other'), 'utf8').trim()];
  for (const { exitCode, stdout, stderr } of refused) {
    const text = stdout + stderr;
    expect(exitCode).toBe(1);
    expect(text).toContain(`the nodes of ${name} have another password than the file ${passwordFile()}`);
    expect(text).toContain(`@${hostname()}, who keeps it in the file ${fileOf('other')}`);
    expect(text).toContain(`rm ${passwordFile()} && npx tsx manage.ts up -f ${file}`);
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
  expect(password()).toBe(before);
  expect(await stack.redis(1, 'ACL', 'LIST')).toBe(hashes);

  rmSync(passwordFile());
  await stack.must('up');
  expect(password()).toBe(readFileSync(fileOf('other'), 'utf8').trim());
  expect((await stack.must('secrets', 'rotate')).stderr).toContain(`who keeps it in the file ${fileOf('other')}`);
  await expectSettled();
  expect((await stack.must('secrets', 'rotate')).stderr).not.toContain('who keeps it');
  expect((await run('other', 'up')).stderr).toContain(`who keeps it in the file ${passwordFile()}`);
});

test('not while a node is away: it would come back with the old one', async () => {
  stack = await stacks.shared();
  const before = password();
  await stack.engine.stopContainer(stack.container(3), 10);
  const { exitCode, stderr } = await stack.run('secrets', 'rotate');
  expect(exitCode).toBe(1);
  expect(stderr).toContain("redis-3 can't be reached; nothing was changed");
  expect(password()).toBe(before);
  const users = await stack.redis(1, 'ACL', 'LIST');
  expect(users.match(/#[0-9a-f]{64}/g)).toEqual([`#${passwordHash(before)}`]);
});
