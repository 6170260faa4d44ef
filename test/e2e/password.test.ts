import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { Cluster } from 'ioredis';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NatMap } from '../../src/redis/prove.ts';
import { CAN_ENTER, inNetworkOf } from '../helpers/clients.ts';
import { dockerOf, makeStack, runMain, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack();
});
afterAll(() => stack.remove());

interface Environment {
  readonly REDIS_CLUSTER_NODES: string;
  readonly REDIS_NAT_MAP: string;
  readonly REDIS_PASSWORD: string;
}

async function environment(): Promise<Environment> {
  return JSON.parse((await stack.must('env', '--map', '--format', 'json', '--reveal')).stdout) as Environment;
}

test('the password is in its file and in no place that others can see', async () => {
  const outcomes = [
    await stack.must('up'),
    await stack.must('up', '--json'),
    await stack.must('status', '--json'),
    await stack.must('plan'),
  ];
  outcomes.push(
    await stack.must('redis-cli', '--', 'PING'),
    await stack.must('logs', '--tail', 'all'),
    await stack.must('restart'),
    await stack.must('env'),
  );
  const { REDIS_PASSWORD: password } = await environment();
  expect(password.length).toBeGreaterThanOrEqual(32);

  const docker = dockerOf(stack.engine);
  const inspected = await Promise.all([1, 2, 3].map((node) => docker.getContainer(stack.container(node)).inspect()));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
      } catch {
        return '';
      }
    });
  const logs = await Promise.all(
    [1, 2, 3].map((node) => docker.getContainer(stack.container(node)).logs({ stdout: true, stderr: true })),
  );
  const places = [
    ...outcomes.flatMap(({ stdout, stderr }) => [stdout, stderr]),
    ...inspected.map((one) => JSON.stringify(one)),
    ...processes,
    ...logs.map((one) => one.toString('utf8')),
    JSON.stringify(await stack.engine.listVolumes()),
    JSON.stringify(await stack.engine.listNetworks()),
  ];
  expect(places.filter((place) => place.includes(password))).toEqual([]);

  const file = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readFileSync(file, 'utf8').trim()).toBe(password);
});

test('no node answers without the password, and the health check gets only what it needs', async () => {
  await stack.must('up');
  const docker = dockerOf(stack.engine);
  const inContainer = async (...command: string[]): Promise<string> => {
    const exec = await docker
      .getContainer(stack.container(1))
      .exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
    const stream = await exec.start({});
    const out = new PassThrough();
    docker.modem.demuxStream(stream, out, out);
    stream.on('end', () => out.end());
    let text = '';
    for await (const chunk of out) text += String(chunk);
    return text;
  };
  expect(await inContainer('redis-cli', 'GET', 'x')).toContain('NOAUTH');
  const asHealth = (...args: string[]): Promise<string> =>
    inContainer('redis-cli', '--no-auth-warning', '--user', 'health', '--pass', 'x', ...args);
  expect(await asHealth('PING')).toContain('PONG');
  for (const command of [
    ['GET', 'x'],
    ['CONFIG', 'GET', 'requirepass'],
    ['CLUSTER', 'NODES'],
    ['ACL', 'LIST'],
    ['FLUSHALL'],
  ]) {
    expect(await asHealth(...command)).toContain('NOPERM');
  }
  expect(await inContainer('id', '-u')).toBe('999\n');
  expect(await inContainer('sh', '-c', 'cat /proc/1/status | grep ^Uid')).toMatch(/^Uid:\s+999\s+999/);
  // CONFIG REWRITE needs a folder that Redis's user may write.
  expect(await stack.redis(1, 'CONFIG', 'REWRITE')).toBe('OK');
});

test('an application connects with what env --map prints, from this host', async () => {
  await stack.must('up');
  const { REDIS_NAT_MAP, REDIS_CLUSTER_NODES, REDIS_PASSWORD } = await environment();
  const nodes = REDIS_CLUSTER_NODES.split(',').map((node) => ({
    host: node.split(':')[0] ?? '',
    port: Number(node.split(':')[1]),
  }));
  const cluster = new Cluster(nodes, {
    natMap: JSON.parse(REDIS_NAT_MAP) as NatMap,
    redisOptions: { password: REDIS_PASSWORD },
  });
  try {
    await Promise.all(Array.from({ length: 500 }, (_, index) => cluster.set(`key:${index}`, index)));
    const values = await Promise.all(Array.from({ length: 500 }, (_, index) => cluster.get(`key:${index}`)));
    expect(values).toEqual(Array.from({ length: 500 }, (_, index) => String(index)));
  } finally {
    cluster.disconnect();
  }
});

test.skipIf(!CAN_ENTER)(
  'on the network of the nodes, env prints their own addresses, and clients need no map',
  async (context) => {
    const { reach } = JSON.parse((await stack.must('up', '--json')).stdout) as { reach: string };
    if (reach !== 'direct') context.skip("this engine's networks are on another machine, or in a VM");
    const { stdout, stderr } = await stack.must('env', '--json');
    const direct = JSON.parse(stdout) as NodeJS.ProcessEnv;
    expect(direct).toMatchObject({
      REDIS_CLUSTER_NODES: stack.ips.map((ip) => `${ip}:6379`).join(','),
      REDIS_TLS_CLUSTER_NODES: stack.ips.map((ip) => `rediss://${ip}:6380`).join(','),
    });
    expect(Object.keys(direct).filter((name) => name.includes('NAT_MAP'))).toEqual([]);
    expect(stderr).toContain("the nodes' own addresses, without a map");
    expect((await stack.must('status')).stdout).toContain("Reach: the nodes' own addresses, without a map");
    expect(JSON.parse((await stack.must('status', '--json')).stdout)).toMatchObject({ reach });

    // Whoever has none of the host's addresses is told of the map, and --map tells everybody the same.
    const program = [process.execPath, '--import', 'tsx', 'manage.ts', 'env', '--json', '-f', stack.file];
    const [command = '', ...args] = await inNetworkOf(stack, program);
    const told = spawnSync(command, args, { env: stack.env, encoding: 'utf8' });
    expect(told.stderr).toContain('the published ports, with the map');
    expect(JSON.parse(told.stdout)).toEqual(JSON.parse((await stack.must('env', '--map', '--json')).stdout));

    const [client = '', ...its] = await inNetworkOf(stack, [process.execPath, '-e', UNMAPPED]);
    expect(execFileSync(client, its, { env: { ...process.env, ...direct }, encoding: 'utf8' })).toBe(
      '500 plain\n500 tls\n',
    );
  },
);

/** Runs where nothing is published, with what env prints. */
const UNMAPPED = `
const { Cluster } = require('ioredis');
const { readFileSync } = require('node:fs');
const { env } = process;
const password = readFileSync(env.REDIS_PASSWORD_FILE, 'utf8').trimEnd();
const count = async (name, nodes, more) => {
  const cluster = new Cluster(nodes.split(','), { redisOptions: { password, ...more } });
  await Promise.all(Array.from({ length: 500 }, (_, index) => cluster.set('own:' + index, index)));
  const values = await Promise.all(Array.from({ length: 500 }, (_, index) => cluster.get('own:' + index)));
  console.log(values.filter((value, index) => value === String(index)).length, name);
  cluster.disconnect();
};
count('plain', env.REDIS_CLUSTER_NODES, {}).then(() =>
  count('tls', env.REDIS_TLS_CLUSTER_NODES, { tls: { ca: readFileSync(env.REDIS_TLS_CA_FILE) } }),
);`;

test('what env prints for a shell is what a shell understands', async () => {
  await stack.must('up');
  const { stdout } = await stack.must('env', '--map', '--format', 'shell');
  const printed = execFileSync('sh', ['-c', `${stdout}\ncat "$REDIS_PASSWORD_FILE"; printf %s "$REDIS_NAT_MAP"`], {
    encoding: 'utf8',
  });
  const { REDIS_PASSWORD, REDIS_NAT_MAP } = await environment();
  expect(printed).toBe(`${REDIS_PASSWORD}\n${REDIS_NAT_MAP}`);
  expect((await stack.must('env')).stdout).not.toContain(REDIS_PASSWORD);
});

test('env writes a block into .env, for its owner alone where it holds the password; a second time it changes nothing', async () => {
  await stack.must('up');
  const file = join(stack.folder, '.env');
  writeFileSync(file, 'MINE=1\n');
  const write = async (...more: string[]): Promise<unknown> =>
    JSON.parse((await stack.must('env', '--map', '--write', file, '--json', ...more)).stdout);
  expect(await write()).toEqual({ file, changed: true });
  expect(await write('--reveal')).toEqual({ file, changed: true });
  expect(await write('--reveal')).toEqual({ file, changed: false });
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const read = execFileSync(process.execPath, [`--env-file=${file}`, '-p', 'JSON.stringify(process.env)'], {
    encoding: 'utf8',
  });
  expect(JSON.parse(read)).toMatchObject({ MINE: '1', ...(await environment()) });
});

test('env for GitHub needs its runner, and a file of variables is neither JSON nor for the runner', async () => {
  const refused = async (argv: readonly string[], env: NodeJS.ProcessEnv): Promise<Outcome> =>
    runMain(stack.withFile(['env', ...argv]), { ...stack.env, GITHUB_ENV: '', ...env });
  const none = join(stack.folder, 'none', 'env');
  const outcomes = [
    await refused(['--format', 'github'], {}),
    await refused(['--format', 'github', '--json'], { GITHUB_ENV: join(stack.folder, 'github-env') }),
    await refused(['--format', 'github'], { GITHUB_ENV: none }),
    await refused(['--write', join(stack.folder, 'x.env'), '--format', 'json'], {}),
  ];
  expect(outcomes.map(({ exitCode }) => exitCode)).toEqual([2, 2, 2, 2]);
  const said = outcomes.map(({ stdout, stderr }) => `${stdout}${stderr}`);
  expect(said).toEqual([
    expect.stringMatching(/GITHUB_ENV names, and that isn't set.*\n.*env --format json/),
    expect.stringMatching(/on stdout what to mask, which --json keeps/),
    expect.stringContaining(`${none}, which GITHUB_ENV names, can't be written: ENOENT`),
    expect.stringMatching(/--write takes the format dotenv, shell or docker, not 'json'/),
  ]);
  expect(said.join('')).not.toContain((await environment()).REDIS_PASSWORD);
});

test('while the stack is down, env prints the map, and status says nothing of a way to the nodes', async () => {
  await stack.must('down');
  expect(JSON.parse((await stack.must('env', '--json', '--reveal')).stdout)).toEqual(await environment());
  const { stdout } = await stack.run('status', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ reach: null });
  expect((await stack.run('status')).stdout).not.toContain('Reach:');
});
