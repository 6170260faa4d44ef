import { describe, expect, test } from 'vitest';
import { otherUsers, passwordHash } from '../../../../src/plan/node/redis-config.ts';
import { Secret } from '../../../../src/secret.ts';
import { appendonlyMark, readAppendonlyMark } from '../../../../src/stack/observe/data-folder.ts';
import { certificateFiles, configFiles, passwordFiles } from '../../../../src/stack/execute/config-files.ts';
import { at, specOf } from '../../../helpers/builders.ts';

const PASSWORD = 'hunter2-of-the-cluster';
const CERTIFICATE = { caPem: 'the authority', pem: new Secret('key and chain'), keeper: 'ann@laptop' };
const spec = specOf();
const users = ['user app on #00 ~* +get', 'user other on nopass ~a +@all'];
const contents = { userConf: 'timeout 10\n', password: new Secret(PASSWORD), certificate: CERTIFICATE, users };
const files = configFiles(spec, at(spec.nodes, 0), contents);

describe('what a node starts with', () => {
  test('is all of it Redis’s own, and nobody else may read it', () => {
    expect(files.map(({ path, mode, uid, gid }) => `${path} ${mode.toString(8)} ${uid}:${gid}`)).toEqual([
      '/etc/redis/node/ 700 999:999',
      '/etc/redis/node/redis.conf 600 999:999',
      '/etc/redis/node/user.conf 600 999:999',
      '/data/users.acl 600 999:999',
      '/etc/redis/node/secret.conf 600 999:999',
      '/etc/redis/node/password 600 999:999',
      '/etc/redis/node/tls/ 700 999:999',
      '/etc/redis/node/tls/ca.crt 600 999:999',
      '/etc/redis/node/tls/ca.keeper 600 999:999',
      '/etc/redis/node/tls/node.pem 600 999:999',
      '/data/ 755 999:999',
    ]);
  });

  test('shows the password nowhere but where it is needed in clear', () => {
    const holding = files.filter(({ content }) => content.includes(PASSWORD)).map(({ path }) => path);
    expect(holding).toEqual(['/etc/redis/node/secret.conf', '/etc/redis/node/password']);
    expect(files.find(({ path }) => path.endsWith('users.acl'))?.content).toContain(`#${passwordHash(PASSWORD)} `);
  });

  test('keeps the users that a person made, one a line, behind its own', () => {
    const lines = files.find(({ path }) => path === '/data/users.acl')?.content.split('\n') ?? [];
    expect(lines.map((line) => line.split(' ')[1])).toEqual(['default', 'health', 'app', 'other', undefined]);
    expect(otherUsers([...lines, 'user health'])).toEqual(users);
  });

  test('has the certificate’s key in one file', () => {
    const holding = files.filter(({ content }) => content.includes('key and chain')).map(({ path }) => path);
    expect(holding).toEqual(['/etc/redis/node/tls/node.pem']);
  });

  test('has no word of TLS where that is off', () => {
    const off = specOf({ tls: { enabled: false } });
    const without = configFiles(off, at(off.nodes, 0), { ...contents, certificate: undefined });
    expect(without.filter(({ path, content }) => /tls/.test(path + content))).toEqual([]);
  });
});

describe('what changes while a node runs', () => {
  test('the passwords: those it takes, the one it sends, and its own only where that is said', () => {
    const accepts = [passwordHash('old'), passwordHash('new')];
    const change = { accepts, users, sends: new Secret('old'), own: undefined };
    const changed = passwordFiles(change);
    expect(changed.map(({ path }) => path)).toEqual(['/data/users.acl', '/etc/redis/node/secret.conf']);
    expect(changed[0]?.content).toContain(`user default on #${passwordHash('old')} #${passwordHash('new')} `);
    expect(changed[1]?.content).toBe('masterauth "old"\n');
    expect(passwordFiles({ ...change, own: new Secret('new') }).at(-1)).toMatchObject({
      path: '/etc/redis/node/password',
      content: 'new',
    });
  });

  test('the certificate: authority, key and chain', () => {
    expect(certificateFiles(CERTIFICATE).map(({ path, content }) => `${path} ${content}`)).toEqual([
      '/etc/redis/node/tls/ ',
      '/etc/redis/node/tls/ca.crt the authority',
      '/etc/redis/node/tls/ca.keeper ann@laptop',
      '/etc/redis/node/tls/node.pem key and chain',
    ]);
  });
});

describe('the mark of the file that the data is in', () => {
  const readMark = (mark: { readonly content: string; readonly changedAtMs?: number } | undefined, read: string[]) =>
    readAppendonlyMark(
      {
        statFile: async () => mark && { sizeBytes: mark.content.length, changedAtMs: mark.changedAtMs ?? Date.now() },
        readFile: async (_container, path) => {
          read.push(path);
          return mark?.content;
        },
      },
      'dev-redis-1',
    );

  test('is not read where this program wrote it, or where there is none', async () => {
    const read: string[] = [];
    expect(await readMark(appendonlyMark(true), read)).toBe(true);
    expect(await readMark(appendonlyMark(false), read)).toBe(false);
    expect(await readMark(undefined, read)).toBeUndefined();
    expect(read).toEqual([]);
  });

  test('is read where anybody else wrote it', async () => {
    const read: string[] = [];
    expect(await readMark({ content: 'no\n' }, read)).toBe(false);
    expect(await readMark({ content: 'yes' }, read)).toBe(true);
    expect(await readMark({ ...appendonlyMark(true), content: 'no' }, read)).toBe(false);
    expect(await readMark({ content: '' }, read)).toBeUndefined();
    expect(read).toEqual(Array.from({ length: 4 }, () => '/data/.appendonly'));
  });
});
