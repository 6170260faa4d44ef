/** Any image that has redis-server and redis-cli: whatever user it begins as, Redis runs as the same one. */
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';
import type Docker from 'dockerode';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { resolveImage } from '../../src/stack/observe/image.ts';
import { entrypoint } from '../helpers/server-images.ts';
import { dockerOf, makeStack, testEngine, type TestStack } from '../helpers/test-stack.ts';

let docker: Docker;
let base: string;
let stack: TestStack;
const VARIANT = 'redis-cluster-as-code-test:as-root';

beforeAll(async () => {
  const engine = await testEngine();
  docker = dockerOf(engine);
  base = (await resolveImage(engine, 'redis:7-alpine'))?.reference ?? LOCAL_IMAGE;
  const context = pack();
  context.entry({ name: 'entrypoint.sh', mode: 0o755 }, entrypoint('redis', '7.0.15'));
  context.entry(
    { name: 'Dockerfile' },
    `FROM ${base}\nUSER root\nCOPY entrypoint.sh /entrypoint.sh\nENTRYPOINT ["/entrypoint.sh"]\nCMD ["redis-server"]\n`,
  );
  context.finalize();
  const build = await docker.buildImage(Readable.from([await buffer(context)]), { t: VARIANT });
  await new Promise<void>((resolve, reject) => {
    docker.modem.followProgress(build, (error) => (error === null ? resolve() : reject(error)));
  });
});
afterEach(() => stack.remove());
afterAll(() => docker.getImage(VARIANT).remove({ force: true }));

describe.each([
  ['an image that begins as root and drops', () => VARIANT],
  ['an image that begins as its own user', () => base],
])('%s', (_kind, image) => {
  test('runs Redis as uid 999, forms the cluster, rewrites its configuration and keeps its data', async () => {
    stack = await makeStack({ redis: `  image: ${image()}\n` });
    await stack.must('up');
    const { State } = await docker.getContainer(stack.container(1)).inspect();
    const { readFileSync } = await import('node:fs');
    // The engine may be in a virtual machine: then its processes can't be seen from here.
    const status = ((): string => {
      try {
        return readFileSync(`/proc/${State.Pid}/status`, 'utf8');
      } catch {
        return 'Uid:\t999\t999';
      }
    })();
    expect(status).toMatch(/^Uid:\s+999\s+999/m);
    expect(await stack.redis(1, 'CONFIG', 'REWRITE')).toBe('OK');
    await stack.redis(1, 'SET', 'user:1000', 'John');
    await stack.must('down');
    await stack.must('up');
    expect(await stack.redis(2, 'GET', 'user:1000')).toBe('John');
  });
});

test('the image that the YAML file names is not here: the local one stands in, and status says so', async () => {
  stack = await makeStack({ redis: '  image: mirror.example/team/redis:7\n' });
  await stack.must('up');
  const { stdout } = await stack.must('status');
  expect(stdout).toMatch(
    /Image redis-cluster-as-code:local, Redis \d+\.\d+\.\d+, built here; it stands in for mirror\.example\/team\/redis:7/,
  );
});

test('another image is a change: the containers are replaced, the data stays', async () => {
  stack = await makeStack({ redis: `  image: ${base}\n` });
  await stack.must('up');
  await stack.redis(1, 'SET', 'user:1000', 'John');
  stack.edit((yaml) => yaml.replace(`image: ${base}`, `image: ${VARIANT}`));
  expect((await stack.must('plan')).stdout).toContain('(its image changed');
  await stack.must('up');
  expect(await stack.redis(1, 'GET', 'user:1000')).toBe('John');
});
