import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultPasswordFile, generatedPassword, readPassword } from '../../../src/secrets/generated.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const nothingToRecover = async (): Promise<undefined> => undefined;

async function modeOf(path: string): Promise<string> {
  const { mode } = await stat(path);
  return (mode & 0o777).toString(8);
}

async function passwordFile(content: string, mode = 0o600): Promise<string> {
  const file = join(await tempFolder(), 'password');
  await writeFile(file, content);
  await chmod(file, mode);
  return file;
}

describe('a password that is not there yet', () => {
  test('is made, 32 random bytes long, in a file that only its owner can read', async () => {
    const file = join(await tempFolder(), 'state', 'dev', 'password');
    const password = await generatedPassword(file, nothingToRecover);
    expect(password.reveal()).toMatch(/^[\w-]{43}$/);
    expect(await readFile(file, 'utf8')).toBe(`${password.reveal()}\n`);
    expect(await modeOf(file)).toBe('600');
    expect(await modeOf(dirname(file))).toBe('700');
  });

  test('is another one for another stack', async () => {
    const folder = await tempFolder();
    const one = await generatedPassword(join(folder, 'one'), nothingToRecover);
    const other = await generatedPassword(join(folder, 'other'), nothingToRecover);
    expect(one.reveal()).not.toBe(other.reveal());
  });

  test('is the recovered one, where a container already has it', async () => {
    const file = join(await tempFolder(), 'password');
    const password = await generatedPassword(file, async () => 'of the container');
    expect(password.reveal()).toBe('of the container');
    expect(await readFile(file, 'utf8')).toBe('of the container\n');
    expect(await modeOf(file)).toBe('600');
  });

  test('is one and the same for twenty who ask at once, and no draft is left behind', async () => {
    const file = join(await tempFolder(), 'state', 'password');
    const passwords = await Promise.all(Array.from({ length: 20 }, () => generatedPassword(file, nothingToRecover)));
    expect(new Set(passwords.map((password) => password.reveal())).size).toBe(1);
    expect(await readdir(dirname(file))).toEqual(['password']);
  });

  test('is the one of another process that was quicker', async () => {
    const file = join(await tempFolder(), 'password');
    const password = await generatedPassword(file, async () => {
      await writeFile(file, 'theirs\n', { mode: 0o600 });
      return 'ours';
    });
    expect(password.reveal()).toBe('theirs');
    expect(await readFile(file, 'utf8')).toBe('theirs\n');
  });

  test('is not made when looking for it in the containers fails', async () => {
    const file = join(await tempFolder(), 'password');
    const failing = generatedPassword(file, async () => Promise.reject(new Error('no engine')));
    await expect(failing).rejects.toThrow('no engine');
    expect(await readPassword(file)).toBeUndefined();
  });

  test('fails where a file stands in place of its folder', async () => {
    const file = join(await passwordFile('x\n'), 'password');
    expect(await failureOf(() => generatedPassword(file, nothingToRecover))).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: expect.stringContaining(file),
    });
  });
});

describe('a password that is there', () => {
  test('is the same at the second call, and nobody looks into the containers', async () => {
    const file = join(await tempFolder(), 'password');
    const first = await generatedPassword(file, nothingToRecover);
    const second = await generatedPassword(file, async () => Promise.reject(new Error('asked for nothing')));
    expect(second.reveal()).toBe(first.reveal());
  });

  test.each([
    ['hunter2', 'hunter2'],
    ['hunter2\n', 'hunter2'],
    ['hunter2\r\n', 'hunter2'],
    [' with spaces \n', ' with spaces '],
    ['ends with a break\n\n', 'ends with a break\n'],
  ])('%j is read as %j', async (content, password) => {
    expect((await readPassword(await passwordFile(content)))?.reveal()).toBe(password);
  });

  test.each([0o640, 0o604, 0o620, 0o666])('is refused when others may use its file: mode %i', async (mode) => {
    const file = await passwordFile('hunter2\n', mode);
    const failure = await failureOf(() => generatedPassword(file, nothingToRecover));
    expect(failure).toMatchObject({ code: 'SECRET_UNREADABLE', hint: `chmod 600 ${file}` });
    expect(failure.message).not.toContain('hunter2');
  });

  test.each(['', '\n'])('is refused when its file is empty: %j', async (content) => {
    const file = await passwordFile(content);
    expect(await failureOf(() => generatedPassword(file, nothingToRecover))).toMatchObject({
      code: 'SECRET_UNREADABLE',
      message: `the password file ${file} is empty`,
      hint: expect.stringContaining(`rm ${file}`),
    });
  });

  test('is refused when it is a folder', async () => {
    const file = join(await tempFolder(), 'password');
    await mkdir(file, { mode: 0o700 });
    expect(await failureOf(() => readPassword(file))).toMatchObject({ code: 'SECRET_UNREADABLE' });
  });
});

describe('the place of the password', () => {
  test.each([
    [{ HOME: '/home/me' }, '/home/me/.local/state/redis-cluster-as-code/dev/password'],
    [{ HOME: '/home/me', XDG_STATE_HOME: '/state' }, '/state/redis-cluster-as-code/dev/password'],
    [{ HOME: '/home/me', XDG_STATE_HOME: '' }, '/home/me/.local/state/redis-cluster-as-code/dev/password'],
  ])('with %j is %s', (env, place) => {
    expect(defaultPasswordFile('dev', env)).toBe(place);
  });
});
