import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Secret } from '../../../src/secret.ts';
import { fileSource, randomPassword, readPassword, type StackSecret } from '../../../src/secrets/source.ts';
import { failureOf } from '../../helpers/builders.ts';
import { useTempFolders } from '../../helpers/temp-folder.ts';
import { hintText } from '../../helpers/hint-text.ts';

const tempFolder = useTempFolders();

function kept(password: string): StackSecret {
  return { password: new Secret(password), tlsEnabled: undefined };
}

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

describe('a random password', () => {
  test('is 32 bytes long, in characters that need no quoting, and another one each time', () => {
    expect(randomPassword().reveal()).toMatch(/^[\w-]{43}$/);
    expect(new Set(Array.from({ length: 100 }, () => randomPassword().reveal())).size).toBe(100);
  });
});

describe('a password that is not there yet', () => {
  test('reads as nothing, and reading makes nothing', async () => {
    const file = join(await tempFolder(), 'state', 'password');
    expect(await fileSource(file).read()).toBeUndefined();
    expect(await failureOf(() => fileSource(file).replace(new Secret('new'), kept('old')))).toMatchObject({
      code: 'SECRET_CHANGED',
    });
    await expect(stat(dirname(file))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('is kept in a file that only its owner can read', async () => {
    const file = join(await tempFolder(), 'state', 'dev', 'password');
    const source = fileSource(file);
    const created = await source.create(new Secret('hunter2'));
    expect(created.password.reveal()).toBe('hunter2');
    expect(created.tlsEnabled).toBeUndefined();
    expect((await source.read())?.password.reveal()).toBe('hunter2');
    expect(await readFile(file, 'utf8')).toBe('hunter2\n');
    expect(await modeOf(file)).toBe('600');
    expect(await modeOf(dirname(file))).toBe('700');
  });

  test('is one and the same for twenty who make it at once, and no draft is left behind', async () => {
    const file = join(await tempFolder(), 'state', 'password');
    const created = await Promise.all(Array.from({ length: 20 }, () => fileSource(file).create(randomPassword())));
    const [password = '', ...others] = new Set(created.map((one) => one.password.reveal()));
    expect(others).toEqual([]);
    expect(await readFile(file, 'utf8')).toBe(`${password}\n`);
    expect(await readdir(dirname(file))).toEqual(['password']);
  });

  test('is the one of another process that was quicker', async () => {
    const file = await passwordFile('theirs\n');
    expect((await fileSource(file).create(new Secret('ours'))).password.reveal()).toBe('theirs');
    expect(await readFile(file, 'utf8')).toBe('theirs\n');
    expect(await readdir(dirname(file))).toEqual(['password']);
  });

  test('is not taken from a file that others may read', async () => {
    const file = await passwordFile('theirs\n', 0o644);
    expect(await failureOf(() => fileSource(file).create(new Secret('ours')))).toMatchObject({
      code: 'SECRET_UNREADABLE',
      hint: `chmod 600 ${file}`,
    });
  });

  test('fails where a file stands in place of its folder', async () => {
    const file = join(await passwordFile('x\n'), 'password');
    const failure = await failureOf(() => fileSource(file).create(new Secret('hunter2')));
    expect(failure).toMatchObject({ code: 'SECRET_UNREADABLE', message: expect.stringContaining(file) });
    expect(failure.message).not.toContain('hunter2');
  });

  test('names its place, and that it asks nobody else', () => {
    expect(fileSource('/state/password')).toMatchObject({
      description: 'the file /state/password',
      file: '/state/password',
    });
  });
});

describe('a password that is replaced', () => {
  test('is the new one for whoever reads it then, in a file that only its owner can read', async () => {
    const file = await passwordFile('old\n');
    await fileSource(file).replace(new Secret('new'), kept('old'));
    expect(await readFile(file, 'utf8')).toBe('new\n');
    expect(await modeOf(file)).toBe('600');
    expect(await readdir(dirname(file))).toEqual(['password']);
  });

  test('stays where somebody else has changed it meanwhile', async () => {
    const file = await passwordFile('theirs\n');
    const failure = await failureOf(() => fileSource(file).replace(new Secret('ours'), kept('old')));
    expect(failure).toMatchObject({ code: 'SECRET_CHANGED', message: expect.stringContaining(file) });
    expect(failure.message + hintText(failure.hint ?? '')).not.toMatch(/ours|theirs|\bold\b/);
    expect(await readFile(file, 'utf8')).toBe('theirs\n');
    expect(await readdir(dirname(file))).toEqual(['password']);
  });

  test('is at every moment the old one or the new one, whole', async () => {
    const file = await passwordFile(`${'o'.repeat(100_000)}\n`);
    const source = fileSource(file);
    const progress = { isOver: false };
    const replacing = source.replace(new Secret('n'.repeat(100_000)), kept('o'.repeat(100_000))).finally(() => {
      progress.isOver = true;
    });
    const seen = new Set<string>();
    while (!progress.isOver) {
      const text = (await source.read())?.password.reveal() ?? 'nothing';
      seen.add(`${text.slice(0, 1)}${text.length}`);
    }
    await replacing;
    expect([...seen].filter((one) => !['o100000', 'n100000'].includes(one))).toEqual([]);
    expect((await source.read())?.password.reveal()).toBe('n'.repeat(100_000));
  });

  test('stays, and no draft is left, where it is a folder', async () => {
    const file = join(await tempFolder(), 'password');
    await mkdir(file);
    expect(await failureOf(() => fileSource(file).replace(new Secret('new'), kept('old')))).toMatchObject({
      code: 'SECRET_UNREADABLE',
    });
    expect(await readdir(dirname(file))).toEqual(['password']);
  });
});

describe('a password that is there', () => {
  test('is the same at the second call', async () => {
    const source = fileSource(join(await tempFolder(), 'password'));
    const first = await source.create(randomPassword());
    const second = await source.create(randomPassword());
    expect(second.password.reveal()).toBe(first.password.reveal());
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
    const failure = await failureOf(() => fileSource(file).read());
    expect(failure).toMatchObject({ code: 'SECRET_UNREADABLE', hint: `chmod 600 ${file}` });
    expect(failure.message).not.toContain('hunter2');
  });

  test.each(['', '\n'])('is refused when its file is empty: %j', async (content) => {
    const file = await passwordFile(content);
    expect(await failureOf(() => fileSource(file).read())).toMatchObject({
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
