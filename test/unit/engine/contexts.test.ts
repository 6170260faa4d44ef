import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { contextEndpoint, currentContextName, dockerFolder, readTlsFiles } from '../../../src/engine/contexts.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
let home: string;
let env: NodeJS.ProcessEnv;

beforeEach(async () => {
  home = await tempFolder();
  env = { HOME: home };
});

async function put(path: string, content: string): Promise<void> {
  const file = join(home, '.docker', path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, content);
}

function sha256(name: string): string {
  return createHash('sha256').update(name).digest('hex');
}

describe('the current context', () => {
  test('is none where there is no configuration', () => {
    expect(currentContextName(env)).toBeUndefined();
  });

  test('is the one of config.json', async () => {
    await put('config.json', '{"currentContext": "colima"}');
    expect(currentContextName(env)).toEqual({ name: 'colima', source: join(home, '.docker', 'config.json') });
  });

  test.each(['{}', '{"currentContext": ""}', '{"currentContext": "default"}', '{"currentContext": 7}', '[]', 'null'])(
    'is none with %s',
    async (text) => {
      await put('config.json', text);
      expect(currentContextName(env)).toBeUndefined();
    },
  );

  test('is the one of DOCKER_CONTEXT before that, and `default` is the local socket', async () => {
    await put('config.json', '{"currentContext": "colima"}');
    expect(currentContextName({ ...env, DOCKER_CONTEXT: 'remote' })).toEqual({
      name: 'remote',
      source: 'DOCKER_CONTEXT',
    });
    expect(currentContextName({ ...env, DOCKER_CONTEXT: 'default' })).toBeUndefined();
    expect(currentContextName({ ...env, DOCKER_CONTEXT: '' })).toMatchObject({ name: 'colima' });
  });

  test('a broken config.json is named, with a way round it', async () => {
    await put('config.json', '{"currentContext": ');
    expect(await failureOf(() => currentContextName(env))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(join(home, '.docker', 'config.json')),
      hint: expect.stringContaining('--host'),
    });
  });

  test('DOCKER_CONFIG moves the folder', () => {
    expect(dockerFolder({ HOME: '/home/me' })).toBe('/home/me/.docker');
    expect(dockerFolder({ HOME: '/home/me', DOCKER_CONFIG: '/etc/docker' })).toBe('/etc/docker');
  });
});

describe('the endpoint of a context', () => {
  test('stands in a folder named after the SHA-256 of its name', async () => {
    await put(
      `contexts/meta/${sha256('colima')}/meta.json`,
      '{"Name": "colima", "Endpoints": {"docker": {"Host": "unix:///home/me/.colima/default/docker.sock"}}}',
    );
    expect(contextEndpoint('colima', env)).toEqual({ address: 'unix:///home/me/.colima/default/docker.sock' });
  });

  test('brings its TLS files', async () => {
    await put(`contexts/meta/${sha256('far')}/meta.json`, '{"Endpoints": {"docker": {"Host": "tcp://far:2376"}}}');
    for (const name of ['ca', 'cert', 'key'])
      await put(`contexts/tls/${sha256('far')}/docker/${name}.pem`, `the ${name}`);
    expect(contextEndpoint('far', env)).toEqual({
      address: 'tcp://far:2376',
      tls: { ca: 'the ca', cert: 'the cert', key: 'the key' },
    });
  });

  test('is an error where there is no such context', async () => {
    expect(await failureOf(() => contextEndpoint('nowhere', env))).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: "the docker context 'nowhere' does not exist or names no engine",
      hint: expect.stringContaining('docker context ls'),
    });
  });

  test.each([
    '{}',
    '{"Endpoints": {}}',
    '{"Endpoints": {"docker": {}}}',
    '{"Endpoints": {"docker": {"Host": ""}}}',
    'null',
  ])('is an error with %s', async (text) => {
    await put(`contexts/meta/${sha256('odd')}/meta.json`, text);
    expect(await failureOf(() => contextEndpoint('odd', env))).toMatchObject({
      message: "the docker context 'odd' does not exist or names no engine",
    });
  });
});

test('a missing TLS file is named by its folder', async () => {
  await put('cert.pem', 'the cert');
  expect(await failureOf(() => readTlsFiles(join(home, '.docker')))).toMatchObject({
    code: 'ENGINE_UNREACHABLE',
    message: expect.stringContaining(join(home, '.docker')),
    hint: expect.stringContaining('ca.pem'),
  });
});
