import { describe, expect, test } from 'vitest';
import { besides, openSource, type OpenedSource } from '../../../../src/stack/session/source.ts';
import { failureOf, specOf, type Shape } from '../../../helpers/builders.ts';

const ENV = { HOME: '/home/me' };

function opened(secrets: Shape['secrets'], env: NodeJS.ProcessEnv = ENV): OpenedSource {
  const stack = { spec: specOf({ secrets: secrets ?? {} }), path: '/checkout/infra/dev.yaml', userConf: '' };
  return openSource(stack, { env, signal: new AbortController().signal, timeoutMs: 1000 });
}

describe('a path of the YAML file', () => {
  test.each([
    ['ca.crt', '/checkout/infra/ca.crt'],
    ['../ca.crt', '/checkout/ca.crt'],
    ['/etc/ca.crt', '/etc/ca.crt'],
    ['~/ca.crt', '/home/me/ca.crt'],
    ['~', '/home/me'],
    ['~other/ca.crt', '/checkout/infra/~other/ca.crt'],
    ['a/~/b', '/checkout/infra/a/~/b'],
  ])('%s is %s', (written, place) => {
    expect(besides({ path: '/checkout/infra/dev.yaml' }, written, ENV)).toBe(place);
  });
});

describe('where the password is', () => {
  test('a file in the state folder, if the YAML file says nothing', () => {
    const { source, vault } = opened({});
    expect(source.file).toBe('/home/me/.local/state/redis-cluster-as-code/dev/password');
    expect(vault).toBeUndefined();
  });

  test('the file that the YAML file names', () => {
    expect(opened({ file: '~/password' }).source.file).toBe('/home/me/password');
    expect(opened({ file: 'password' }).source.file).toBe('/checkout/infra/password');
  });

  test('Vault, which nobody asks before it is needed', async () => {
    const { source, vault, close } = opened({ provider: 'vault', path: 'team/redis', mount: 'kv', field: 'auth' });
    expect(source.file).toBeUndefined();
    expect(source.description).toContain('kv/team/redis, field auth');
    expect(vault).toBeTypeOf('function');
    await close();
  });

  test('Vault without an address is a failure once it is asked, and closing it then is none', async () => {
    const { source, close } = opened({ provider: 'vault', path: 'team/redis' });
    expect(await failureOf(() => source.read())).toMatchObject({ code: 'VAULT_UNREACHABLE' });
    await close();
  });

  test('no description shows the password of an address in the environment', () => {
    const { source } = opened(
      { provider: 'vault', path: 'team/redis' },
      { ...ENV, VAULT_ADDR: 'https://me:hunter2@vault.example:8200' },
    );
    expect(source.description).not.toContain('hunter2');
  });
});
