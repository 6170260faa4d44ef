import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.ts';
import type { Spec } from '../../../src/spec/spec.ts';
import { problemsOf, STACK_TEXT } from '../../helpers/builders.ts';

function secretsOf(yaml: string): Spec['secrets'] {
  const result = parseSpec(STACK_TEXT + yaml);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec.secrets;
}

/** `secrets` begins in line 10, what `yaml` adds in line 13. */
function problemsOfVault(yaml: string): string {
  return problemsOf(`${STACK_TEXT}secrets:\n  provider: vault\n  path: team/redis\n${yaml}`);
}

describe('where the password comes from', () => {
  test.each(['', 'secrets: {}\n', 'secrets: { provider: generated }\n'])('is generated without a word: %j', (yaml) => {
    expect(secretsOf(yaml)).toEqual({ provider: 'generated' });
  });

  test('may be a file of one’s own', () => {
    expect(secretsOf('secrets: { file: ../password }\n')).toEqual({ provider: 'generated', file: '../password' });
  });

  test('may be Vault, which needs no more than a path', () => {
    expect(secretsOf('secrets: { provider: vault, path: team/redis }\n')).toEqual({
      provider: 'vault',
      mount: 'secret',
      path: 'team/redis',
      field: 'password',
      auth: { method: 'token' },
    });
  });

  test('may be Vault with everything said', () => {
    const yaml = `secrets:
  provider: vault
  address: https://vault.example:8200
  mount: team/kv
  path: dev/redis
  field: auth
  namespace: team-a
  caFile: vault-ca.pem
  auth: { method: approle, folder: ~/.approle, mount: team/approle }
`;
    expect(secretsOf(yaml)).toEqual({
      provider: 'vault',
      address: 'https://vault.example:8200',
      mount: 'team/kv',
      path: 'dev/redis',
      field: 'auth',
      namespace: 'team-a',
      caFile: 'vault-ca.pem',
      auth: { method: 'approle', folder: '~/.approle', mount: 'team/approle' },
    });
  });

  test('is nothing else', () => {
    for (const provider of ['gcp', '5', '~']) {
      expect(problemsOf(`${STACK_TEXT}secrets:\n  provider: ${provider}\n`)).toBe(
        '11:3 secrets.provider: must be one of: generated, vault',
      );
    }
  });

  test('is a map', () => {
    expect(problemsOf(`${STACK_TEXT}secrets: vault\n`)).toBe('10:1 secrets: must be a map, not text');
    expect(problemsOf(`${STACK_TEXT}secrets:\n`)).toBe('10:1 secrets: must be a map, not nothing');
  });

  test.each(['prvider: vault', 'pasword: hunter2', 'path: redis-1'])('has no %s where nothing says Vault', (line) => {
    const [key = ''] = line.split(':');
    expect(problemsOf(`${STACK_TEXT}secrets:\n  ${line}\n`)).toBe(
      `11:3 secrets.${key}: unknown key (known here: provider, file, shared)`,
    );
  });

  test('the file of a generated password has no place beside Vault', () => {
    expect(problemsOfVault('  file: ../password\n')).toMatch(
      /^13:3 secrets\.file: unknown key \(known here: provider, address, mount, path, field, auth, namespace, caFile, shared\)$/,
    );
  });
});

describe('the address of Vault', () => {
  test.each(['http://127.0.0.1:8200', 'https://vault.example', 'https://vault.example:8200/', 'http://[::1]:8200'])(
    'may be %s',
    (address) => {
      expect(problemsOfVault(`  address: "${address}"\n`)).toBe('no problem');
    },
  );

  test.each([
    'vault.example:8200',
    'ftp://vault.example',
    'https://',
    'https://vault.example/v1',
    'https://vault.example/ui/vault',
    'https://vault .example',
    'http://vault:8200?x=1',
    'http://vault:8200#x',
    'http://vault:99999',
    'http://:',
  ])('is not %s', (address) => {
    expect(problemsOfVault(`  address: "${address}"\n`)).toBe(
      '13:3 secrets.address: must be like https://vault.example:8200, without a path or a password',
    );
  });

  test.each(['https://me:hunter2@vault.example', 'https://hunter2@vault.example:8200'])(
    'holds no password, and the problem does not show it: %s',
    (address) => {
      const problems = problemsOfVault(`  address: ${address}\n`);
      expect(problems).toMatch(/^13:3 secrets\.address: must be like .* without a path or a password$/);
      expect(problems).not.toContain('hunter2');
    },
  );
});

describe('a path in Vault', () => {
  const withPath = (path: string): string =>
    problemsOf(`${STACK_TEXT}secrets:\n  provider: vault\n  path: ${JSON.stringify(path)}\n`);

  test.each(['redis', 'team/redis', 'a/b/c/d', '...', '.hidden', 'a..b/c.', 'Umlaut-ä', 'q?#%'])(
    'may be %s',
    (path) => {
      expect(withPath(path)).toBe('no problem');
    },
  );

  test.each(['', '/', '/team', 'team/', 'team//redis', 'team redis', 'team\tredis', 'team\n'])('is not %j', (path) => {
    expect(withPath(path)).toMatch(
      /^12:3 secrets\.path: must be like team\/redis, without a slash at either end(\n12:3 secrets\.path: .*)?$/,
    );
  });

  test.each(['.', '..', './a', 'a/..', 'a/../b', 'a/./b'])('leads nowhere else: %s', (path) => {
    expect(withPath(path)).toBe('12:3 secrets.path: must not hold . or ..');
  });

  test('has to be there', () => {
    expect(problemsOf(`${STACK_TEXT}secrets:\n  provider: vault\n`)).toBe('10:1 secrets.path: is missing (text)');
  });

  test('the same holds for the mounts', () => {
    expect(problemsOfVault('  mount: /kv\n  auth: { method: approle, folder: x, mount: ../sys }\n')).toBe(
      [
        '13:3 secrets.mount: must be like team/redis, without a slash at either end',
        '14:39 secrets.auth.mount: must not hold . or ..',
      ].join('\n'),
    );
  });

  test('a field has a name', () => {
    expect(problemsOfVault('  field: ""\n')).toMatch(/^13:3 secrets\.field: /);
  });
});

describe('how this program logs in', () => {
  test.each(['', '  auth: {}\n', '  auth: { method: token }\n'])('with a token, without a word: %j', (yaml) => {
    expect(secretsOf(`secrets:\n  provider: vault\n  path: a\n${yaml}`)).toMatchObject({ auth: { method: 'token' } });
  });

  test('with a token of a file, where one is named', () => {
    expect(secretsOf('secrets: { provider: vault, path: a, auth: { tokenFile: ~/token } }\n')).toMatchObject({
      auth: { method: 'token', tokenFile: '~/token' },
    });
  });

  test('with an AppRole, whose mount is approle without a word', () => {
    expect(secretsOf('secrets: { provider: vault, path: a, auth: { method: approle, folder: role } }\n')).toMatchObject(
      { auth: { method: 'approle', folder: 'role', mount: 'approle' } },
    );
  });

  test('an AppRole needs its folder', () => {
    expect(problemsOfVault('  auth: { method: approle }\n')).toBe('13:3 secrets.auth.folder: is missing (text)');
  });

  test('in no other way', () => {
    expect(problemsOfVault('  auth: { method: userpass }\n')).toBe(
      '13:11 secrets.auth.method: must be one of: token, approle',
    );
    expect(problemsOfVault('  auth: token\n')).toBe('13:3 secrets.auth: must be a map, not text');
  });

  test('a token has no folder, and no key is made up', () => {
    expect(problemsOfVault('  auth: { method: token, folder: x }\n')).toMatch(
      /^13:26 secrets\.auth\.folder: unknown key/,
    );
    expect(problemsOfVault('  auth: { tokn: x }\n')).toMatch(
      /^13:11 secrets\.auth\.tokn: unknown key \(known here: method, tokenFile/,
    );
  });
});
