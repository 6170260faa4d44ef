/** Another image: one that can't serve, one that can't read what is there, one with a newer server, one that doesn't start. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { resolveImage } from '../../src/stack/observe/image.ts';
import { serverImage, type ServerImageName } from '../helpers/server-images.ts';
import { startSteadyWriters, type SteadyWriters } from '../helpers/steady-writer.ts';
import { dockerOf, makeStack, testEngine, type TestStack } from '../helpers/test-stack.ts';

let docker: Docker;
let base: string;
const images = new Map<ServerImageName, string>();
let stack: TestStack;
let writers: SteadyWriters | undefined;
const built: string[] = [];

beforeAll(async () => {
  const engine = await testEngine();
  docker = dockerOf(engine);
  base = (await resolveImage(engine, 'redis:7-alpine'))?.reference ?? LOCAL_IMAGE;
  for (const name of ['redis-8.6', 'valkey-9.1'] as const) {
    const found = await serverImage(engine, name);
    if ('image' in found) images.set(name, found.image);
  }
});
afterEach(async () => {
  writers?.close();
  await stack.remove();
});
afterAll(async () => {
  for (const image of built) await docker.getImage(image).remove({ force: true });
});

/** @param files path → content */
async function build(name: string, dockerfile: string, files: Readonly<Record<string, Buffer | string>> = {}) {
  const image = `redis-cluster-as-code-test:${name}`;
  const context = pack();
  context.entry({ name: 'Dockerfile' }, dockerfile);
  for (const [path, content] of Object.entries(files)) context.entry({ name: path, mode: 0o755 }, content);
  context.finalize();
  const stream = await docker.buildImage(Readable.from([await buffer(context)]), { t: image });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(stream, (error, output: { error?: string }[]) => {
      const failure = error ?? output.find((one) => one.error !== undefined)?.error;
      if (failure === undefined || failure === null) resolve();
      else reject(new Error(String(failure)));
    });
  });
  built.push(image);
  return image;
}

/** Everything on the engine that is the stack's. */
async function made(): Promise<string[]> {
  const { engine, name } = stack;
  const all = [await engine.listContainers(), await engine.listNetworks(), await engine.listVolumes()].flat();
  return all.filter(({ labels }) => labels[LABELS.stack] === name).map((one) => one.name);
}

/** The head of an ELF file for a processor that no test runs on: IBM's S/390. */
const OTHER_PROCESSOR = Buffer.from(`7f454c4602020100000000000000000000020016${'00'.repeat(44)}`, 'hex');

describe('an image that can’t serve is said before anything is made', () => {
  const instead = (...lines: string[]): Record<string, string> => ({
    server: `#!/bin/sh\n${lines.map((line) => `echo '${line}'\n`).join('')}`,
  });
  // What the base says of itself is not so any more.
  const from = (): string => `FROM ${base}\nENV REDIS_VERSION=\n`;
  const withServer = (): string => `${from()}COPY server /usr/local/bin/redis-server\n`;

  test.each<[string, () => Promise<string>, string]>([
    [
      'no server',
      () => build('no-server', `${from()}USER root\nRUN rm -f "$(command -v redis-server)"\nUSER 999\n`),
      'has neither redis-server nor valkey-server',
    ],
    [
      'another processor',
      () => build('processor', 'FROM scratch\nCOPY sh /bin/sh\nCMD ["redis-server"]\n', { sh: OTHER_PROCESSOR }),
      "is for another processor than this engine's",
    ],
    [
      'no TLS',
      () =>
        build(
          'no-tls',
          withServer(),
          instead('Redis server v=7.0.15 sha=0', '>>> "tls-port 0"'.replaceAll('"', `'\\''`)),
        ),
      'Redis 7.0.15: it was built without TLS, which the YAML file asks for',
    ],
    [
      'too old',
      () => build('too-old', withServer(), instead('Redis server v=6.0.16 sha=0')),
      'Redis 6.0.16: the oldest that works here is Redis 6.2',
    ],
  ])('%s', async (_what, image, text) => {
    stack = await makeStack({ redis: `  image: ${await image()}\n` });
    const { exitCode, stderr } = await stack.run('up');
    expect(stderr).toContain(text);
    expect(stderr).toContain('[SPEC_INVALID]');
    expect(exitCode).toBe(2);
    expect(await made()).toEqual([]);
  });
});

test('3 + 3 change to a newer Redis under writes, and to none that can’t read their data or doesn’t start', async (context) => {
  const [newer, valkey] = [images.get('redis-8.6'), images.get('valkey-9.1')];
  if (newer === undefined || valkey === undefined) return context.skip('Debian has no other servers here');
  stack = await makeStack({ nodeCount: 6, replicas: 1, redis: `  image: ${base}\n` });
  const change = (from: string, to: string): void =>
    stack.edit((yaml) => yaml.replace(`image: ${from}`, `image: ${to}`));
  /** Those of the nodes that run, and since when. */
  const running = async (): Promise<string[]> => {
    const nodes = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(async (node) => {
        const { State } = await docker.getContainer(stack.container(node)).inspect();
        return State.Running && !State.Restarting ? [`redis-${node} ${State.StartedAt}`] : [];
      }),
    );
    return nodes.flat();
  };
  await stack.must('up');
  writers = await startSteadyWriters(stack, 3);
  change(base, newer);
  await stack.must('up');
  const { acknowledged } = await writers.stop();
  expect(acknowledged).toBeGreaterThan(100);
  expect(await writers.findLost()).toEqual([]);
  expect((await stack.must('status')).stdout).toContain('Redis 8.');

  const changed = await running();
  for (const [command, older] of [
    ['plan', valkey],
    ['up', base],
  ] as const) {
    change(newer, older);
    const { exitCode, stdout, stderr } = await stack.run(command);
    expect(exitCode).toBe(1);
    const said = stdout + stderr;
    expect(said).toMatch(
      /the data of redis-1, .* is in version 1\d of RDB, that of Redis 8\.\d+\.\d+: .* can't read it/,
    );
    expect(said).toContain('[DATA_AT_RISK]');
    expect(said).toContain(`back to ${newer}, then: npx tsx manage.ts up`);
    expect(await running()).toEqual(changed);
    change(older, newer);
  }

  // It passes what `up` tries before, and doesn't start with data.
  const broken = await build(
    'broken',
    `FROM ${newer}\nCOPY entrypoint.sh /entrypoint.sh\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["redis-server"]\n`,
    { 'entrypoint.sh': '#!/bin/sh\n[ ! -e /data/nodes.conf ] || exit 3\nexec "$@"\n' },
  );
  change(newer, broken);
  const { exitCode, stderr } = await stack.run('up');
  expect(exitCode).toBe(1);
  const [, failed] =
    new RegExp(`redis-(\\d) is .*: exit code 3; it is of ${broken}, the others still run ${newer}`).exec(stderr) ?? [];
  expect(stderr).toContain(`Set redis.image in the YAML file back to ${newer}, then: npx tsx manage.ts up`);
  const others = (line: string): boolean => !line.startsWith(`redis-${failed} `);
  expect((await running()).filter(others)).toEqual(changed.filter(others));
  // A replica, and no primary after it.
  const table = await stack.redis(failed === '1' ? 2 : 1, 'CLUSTER', 'NODES');
  const { rows } = parseNodeTable(table);
  expect(rows.find(({ ip }) => ip === stack.ips[Number(failed) - 1])?.role).toBe('replica');
  expect(await stack.redis(failed === '1' ? 2 : 1, 'CLUSTER', 'INFO')).toContain('cluster_state:ok');
  change(broken, newer);
  await stack.must('up');
  expect(await writers.findLost()).toEqual([]);
});
