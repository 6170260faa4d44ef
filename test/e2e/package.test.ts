/** The packed tarball, installed into an empty project, and its command as people call it. */
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join, resolve } from 'node:path';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installPackage, type Project } from '../helpers/package.ts';
import { freePortsInARow, makeStack, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let project: Project;
/** Not its file: its name, subnet and environment, and that all of it is removed. */
let stack: TestStack;
beforeAll(async () => {
  [project, stack] = await Promise.all([installPackage(), makeStack()]);
});
afterAll(async () => {
  await stack.remove();
  project.remove();
});

const run = (command: string, below = '.', env: NodeJS.ProcessEnv = {}): Promise<Outcome> =>
  project.run(command, { below, env: { ...stack.env, ...env } });
const inPackage = (...path: readonly string[]): string =>
  join(project.folder, 'node_modules/redis-cluster-as-code', ...path);
const BIN = 'node_modules/.bin/redis-cluster';

describe('the tarball', () => {
  test('is one package without dependencies and without a script that runs when it is installed', () => {
    const packages = readdirSync(join(project.folder, 'node_modules')).filter((name) => !name.startsWith('.'));
    expect(packages).toEqual(['redis-cluster-as-code']);
    const manifest = JSON.parse(readFileSync(inPackage('package.json'), 'utf8')) as Record<string, object>;
    expect(manifest).not.toHaveProperty('dependencies');
    expect(Object.keys(manifest['scripts'] ?? {}).filter((name) => /install|prepare/.test(name))).toEqual([]);
    expect(statSync(project.tarball).size).toBeLessThan(2_500_000);
    expect(existsSync(inPackage('infra/ci/github/action.yml'))).toBe(true);
    const licenses = readFileSync(inPackage('dist/licenses.txt'), 'utf8');
    for (const name of ['dockerode', 'ioredis', 'fastify', 'preact', 'Swagger UI']) expect(licenses).toContain(name);
  });

  test('is what Node.js and TypeScript expect of a package', async () => {
    const bytes = Uint8Array.from(readFileSync(project.tarball));
    const { messages } = await publint({ strict: true, pack: { tarball: bytes.buffer } });
    expect(messages).toEqual([]);
    const checked = await checkPackage(createPackageFromTarballData(bytes));
    if (checked.types === false) throw new Error('no types');
    const problems = checked.problems.filter((problem) => {
      // vitest and jest are for a resolution that knows `exports`, and take a default where it is one of CommonJS.
      const isRunner = 'entrypoint' in problem && problem.entrypoint !== '.' && problem.resolutionKind === 'node10';
      const isDefault =
        problem.kind === 'FalseExportDefault' &&
        /\/(vitest|jest|jest-teardown)\.js$/.test(problem.implementationFileName);
      return !isRunner && !isDefault;
    });
    expect(problems).toEqual([]);
  });

  test('is a library for import and for require, with types that need nothing but those of Node.js', async () => {
    const uses = [
      `node --input-type=module -e "import { StackError } from 'redis-cluster-as-code'; console.log(StackError.name)"`,
      `node -e "console.log(require('redis-cluster-as-code').StackError.name)"`,
    ];
    for (const use of uses) expect((await run(use)).stdout).toBe('StackError\n');

    const typed = `import { StackError } from 'redis-cluster-as-code'; export const error: Error = new StackError('USAGE', { message: '' });`;
    writeFileSync(join(project.folder, 'typed.mts'), typed);
    const options = `--noEmit --strict --module nodenext --types node --typeRoots ${resolve('node_modules/@types')}`;
    const checked = await run(`node ${resolve('node_modules/typescript/bin/tsc')} ${options} typed.mts`);
    expect(checked).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });
});

describe('the command', () => {
  test('says what to type where there is no file yet, and goes up to the root of the repository for one, not beyond', async () => {
    mkdirSync(join(project.folder, 'own/.git'), { recursive: true });
    mkdirSync(join(project.folder, 'own/below'));
    const ports = await freePortsInARow(9);
    const options = `--name ${stack.name} --ports ${ports} --subnet ${stack.subnet}`;

    const none = await run(`npx redis-cluster status`);
    expect(none.exitCode).toBe(2);
    expect(none.stderr).toMatch(/✗ no redis-cluster\.yaml in .* or above it.*\[USAGE]\n {2}→ npx redis-cluster init\n/);

    const doctor = await run(`${BIN} doctor`);
    expect(doctor.stdout).toMatch(/✗ YAML file +no redis-cluster\.yaml in .*\n +→ npx redis-cluster init\n/);

    const init = await run(`npx redis-cluster init ${options}`);
    expect(init.stdout).toContain('Next: npx redis-cluster up ');
    const yaml = readFileSync(join(project.folder, 'redis-cluster.yaml'), 'utf8');
    const [, schema = ''] = /^# yaml-language-server: \$schema=(.*)$/m.exec(yaml) ?? [];
    expect(JSON.parse(readFileSync(join(project.folder, schema), 'utf8'))).toHaveProperty('properties.redis');
    expect((await run(`${BIN} init`)).stderr).toContain('exists already and is not overwritten');

    expect((await run('npx redis-cluster status', 'own/below')).stderr).toContain('no redis-cluster.yaml');
    const named = { REDIS_CLUSTER_FILE: join(project.folder, 'redis-cluster.yaml') };
    expect((await run('npx redis-cluster plan', 'own/below', named)).stdout).toContain(`${stack.name}-redis-3`);
    expect((await run(`../../${BIN} plan -f ../other.yaml`, 'own/below', named)).stderr).toContain('own/other.yaml');
  });

  test('brings the cluster up, shows it from a folder below, finds nothing to do, and takes it down', async () => {
    mkdirSync(join(project.folder, 'src/deep'), { recursive: true });
    const up = await run('npx redis-cluster up');
    expect(up).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('16,384 slots, 3 nodes agree') });
    expect(up.stdout).toContain('Next: npx redis-cluster redis-cli ');
    expect(await run('npx redis-cluster status', 'src/deep')).toMatchObject({ exitCode: 0 });
    expect((await run(`${BIN} plan`)).stdout).toBe('Nothing to do: all is as the YAML file says.\n');

    await expectService();

    expect(await run('npx redis-cluster down --volumes --yes')).toMatchObject({ exitCode: 0 });
    // The next command names the file where it would not be found without.
    const here = await run(`${BIN} status -f ./redis-cluster.yaml`);
    expect(here).toMatchObject({ exitCode: 1, stdout: expect.stringContaining('Next: npx redis-cluster up  ') });
    const file = join(project.folder, 'redis-cluster.yaml');
    const elsewhere = await run(`${join(project.folder, BIN)} status -f ${file}`, '../');
    expect(elsewhere).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining(`Next: redis-cluster up -f ${file}  `),
    });
  });

  test('shows the help of what needs no file, and says what is wrong with an engine at the other end of ssh', async () => {
    expect((await run(`${BIN} image build --help`)).stdout).toContain('Usage: npx redis-cluster image build');
    const there = await run(`${BIN} status --host ssh://nobody@127.0.0.1:1`);
    expect(there.stderr).toMatch(/ssh:\/\/nobody@127\.0\.0\.1:1 .*\[ENGINE_UNREACHABLE]/);
  });
});

test('compiled code that is spoilt, or can not be kept, changes nothing', async () => {
  // The file that every command loads.
  const needed = /^program-/;
  const cache = join(project.folder, 'node_modules/.cache/redis-cluster-as-code');
  const files = (): string[] =>
    readdirSync(cache)
      .filter((name) => needed.test(name))
      .map((name) => join(cache, name));
  const help = async (): Promise<Outcome> => run(`${BIN} down --help`);
  const sound = await help();
  expect(sound.exitCode).toBe(0);
  expect(files()).toHaveLength(1);

  for (const file of files()) {
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0x5a, 1000, 5000));
  }
  expect(await help()).toEqual(sound);
  for (const file of files()) truncateSync(file, 2);
  // Two at once, each of which keeps what it compiled.
  expect(await Promise.all([help(), help()])).toEqual([sound, sound]);
  expect(files().every((file) => statSync(file).size > 5000)).toBe(true);

  // Root may write into any folder, but not into a file.
  rmSync(cache, { recursive: true });
  writeFileSync(cache, 'in the way');
  expect(await help()).toEqual(sound);
});

/** The page, the API, and its documentation with all that this asks for. */
async function expectService(): Promise<void> {
  const child = project.start(`exec ${BIN} serve --port 0 --json`, { env: stack.env });
  try {
    const [line] = (await once(child.stdout ?? child, 'data')) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    const text = async (path: string): Promise<string> => {
      const answer = await fetch(`${url}${path}`);
      expect([path, answer.status]).toEqual([path, 200]);
      return answer.text();
    };
    for (const page of ['/', '/docs/']) {
      const links = [...(await text(page)).matchAll(/(?:src|href)="([^"#:]+)"/g)].map(([, link = '']) => link);
      expect(links.length).toBeGreaterThan(1);
      for (const link of links) await text(new URL(link, `${url}${page}`).pathname);
    }
    expect(JSON.parse(await text('/openapi.json'))).toHaveProperty('paths');
  } finally {
    child.kill();
  }
  expect(await once(child, 'exit')).toEqual([0, null]);
}
