import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createOnce, findRefusal, readPrivateFile, replaceFile, toRefusal } from '../../src/kept-files.ts';
import { useTempFolders } from '../helpers/temp-folder.ts';

const tempFolder = useTempFolders();

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8);
}

/** What `work` makes while files are made without rights for others, whatever they ask for. */
async function withUmask(mask: number, work: () => Promise<void>): Promise<void> {
  const before = process.umask(mask);
  try {
    await work();
  } finally {
    process.umask(before);
  }
}

describe.each([
  ['createOnce', createOnce],
  ['replaceFile', replaceFile],
])('%s', (_name, keep) => {
  test('makes the file with its content and its mode, and folders for its owner alone', async () => {
    const file = join(await tempFolder(), 'a', 'b', 'kept');
    await keep(file, 'content\n', 0o600);
    expect(await readFile(file, 'utf8')).toBe('content\n');
    expect(await modeOf(file)).toBe('600');
    expect(await modeOf(dirname(file))).toBe('700');
    expect(await readdir(dirname(file))).toEqual(['kept']);
  });

  test('gives the mode that was asked for, whatever the umask', async () => {
    const file = join(await tempFolder(), 'kept');
    await withUmask(0o077, () => keep(file, 'for all', 0o644));
    expect(await modeOf(file)).toBe('644');
    const other = join(await tempFolder(), 'kept');
    await withUmask(0, () => keep(other, 'for one', 0o600));
    expect(await modeOf(other)).toBe('600');
  });

  test('keeps text as it is, and an empty one too', async () => {
    const file = join(await tempFolder(), 'kept');
    await keep(file, 'ä\r\n\0\n\n', 0o600);
    expect(await readFile(file, 'utf8')).toBe('ä\r\n\0\n\n');
    const empty = join(await tempFolder(), 'kept');
    await keep(empty, '', 0o600);
    expect(await readFile(empty, 'utf8')).toBe('');
  });

  test('fails where a file stands in place of its folder, and changes nothing', async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, 'file'), 'theirs');
    await expect(keep(join(folder, 'file', 'kept'), 'ours', 0o600)).rejects.toMatchObject({
      code: expect.stringMatching(/^(ENOTDIR|EEXIST)$/),
    });
    expect(await readFile(join(folder, 'file'), 'utf8')).toBe('theirs');
    expect(await readdir(folder)).toEqual(['file']);
  });

  test('twenty at once leave one whole content and no draft', async () => {
    const file = join(await tempFolder(), 'new', 'kept');
    const contents = Array.from({ length: 20 }, (_, index) => `${index} `.repeat(20_000));
    await Promise.all(contents.map((content) => keep(file, content, 0o600)));
    expect(contents).toContain(await readFile(file, 'utf8'));
    expect(await readdir(dirname(file))).toEqual(['kept']);
  });
});

describe('what is there already', () => {
  test('stays with createOnce, its mode included', async () => {
    const file = join(await tempFolder(), 'kept');
    await writeFile(file, 'theirs');
    await chmod(file, 0o640);
    await createOnce(file, 'ours', 0o600);
    expect(await readFile(file, 'utf8')).toBe('theirs');
    expect(await modeOf(file)).toBe('640');
    expect(await readdir(dirname(file))).toEqual(['kept']);
  });

  test('is replaced by replaceFile, its mode included', async () => {
    const file = join(await tempFolder(), 'kept');
    await writeFile(file, 'old');
    await chmod(file, 0o644);
    await replaceFile(file, 'new', 0o600);
    expect(await readFile(file, 'utf8')).toBe('new');
    expect(await modeOf(file)).toBe('600');
    expect(await readdir(dirname(file))).toEqual(['kept']);
  });

  test('the folder keeps the mode that it has', async () => {
    const folder = join(await tempFolder(), 'shared');
    await mkdir(folder);
    await chmod(folder, 0o755);
    await createOnce(join(folder, 'one'), 'one', 0o600);
    await replaceFile(join(folder, 'other'), 'other', 0o600);
    expect(await modeOf(folder)).toBe('755');
  });

  test('a folder of that name is not replaced, and no draft stays behind', async () => {
    const file = join(await tempFolder(), 'kept');
    await mkdir(join(file, 'inside'), { recursive: true });
    await expect(replaceFile(file, 'new', 0o600)).rejects.toMatchObject({ code: 'EISDIR' });
    expect(await readdir(dirname(file))).toEqual(['kept']);
    expect(await readdir(file)).toEqual(['inside']);
  });

  test('is never seen half replaced', async () => {
    const file = join(await tempFolder(), 'kept');
    const contents = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000));
    await replaceFile(file, 'a'.repeat(200_000), 0o600);
    const progress = { isOver: false };
    const replaceAll = async (): Promise<void> => {
      for (const content of [...contents, ...contents]) await replaceFile(file, content, 0o600);
    };
    const writing = replaceAll().finally(() => {
      progress.isOver = true;
    });
    while (!progress.isOver) expect(contents.includes(await readFile(file, 'utf8'))).toBe(true);
    await writing;
  });
});

describe('what the file system refuses, and what to type', () => {
  const file = '/home/me/.local/state/redis-cluster-as-code/dev/password';
  const owners = (rootsBelow: string): Parameters<typeof toRefusal>[2] => {
    const parts = file.split('/');
    const paths = parts.map((_part, index) => parts.slice(0, parts.length - index).join('/') || '/');
    return paths.map((path) => {
      const isOwn = path.startsWith('/home/me') && !path.startsWith(rootsBelow);
      return { path, isOwn, owner: isOwn ? 'the user 1000' : 'root' };
    });
  };
  const hintFor = (code: string, ...given: Parameters<typeof owners>): string =>
    toRefusal(file, { code, message: code }, owners(...given)).hint;

  test('what root made in a folder of this user’s is given to this user, and nothing else is', () => {
    const made = '/home/me/.local/state/redis-cluster-as-code';
    for (const code of ['EACCES', 'EPERM']) expect(hintFor(code, made)).toBe(`sudo chown -R $(id -u) ${made}`);
    expect(hintFor('EACCES', file)).toBe(`sudo chown -R $(id -u) ${file}`);
    expect(toRefusal(file, { code: 'EACCES', message: 'no' }, owners(made)).why).toBe(`no: ${file} belongs to root`);
    // Everything up to the root of the file system is root's: then it stays so.
    expect(hintFor('EACCES', '/home')).toMatch(/^export XDG_STATE_HOME=/);
  });

  test('own folders without rights get them', () => {
    expect(hintFor('EACCES', '/root')).toBe(`chmod -R u+rwX ${file}`);
  });

  test.each(['EROFS', 'ENOSPC', 'EDQUOT', 'ENOTDIR', 'EEXIST', 'ELOOP'])('%s: another place', (code) => {
    expect(hintFor(code, '/root')).toContain('export XDG_STATE_HOME=');
  });

  test('a folder that is not there is refused where it can’t be made', async () => {
    const folder = await tempFolder();
    expect(await findRefusal(join(folder, 'a', 'b'))).toBeUndefined();
    await writeFile(join(folder, 'a'), '');
    expect(await findRefusal(join(folder, 'a', 'b'))).toMatchObject({ why: expect.stringContaining('ENOTDIR') });
  });
});

describe('what several people share', () => {
  test.each([
    [0o2770, '660', 'its group may write, and may write the file, too'],
    [0o750, '600', 'its group only looks into it, and has nothing of the file'],
    [0o700, '600', 'it is one person’s'],
  ])('in a folder of mode %i a file has %s: %s', async (rights, mode) => {
    const folder = join(await tempFolder(), 'shared');
    await mkdir(folder);
    await chmod(folder, rights);
    const file = join(folder, 'password');
    await withUmask(0o077, () => createOnce(file, 'one', 0o600, 'group'));
    expect(await modeOf(file)).toBe(mode);
    await withUmask(0o077, () => replaceFile(file, 'other', 0o600, 'group'));
    expect(await modeOf(file)).toBe(mode);
    expect((await stat(file)).gid).toBe((await stat(folder)).gid);
    expect(await readPrivateFile(file, 'the password file', 'group')).toBe('other');
  });

  test('is refused when everybody may read it', async () => {
    const file = join(await tempFolder(), 'password');
    await writeFile(file, 'hunter2');
    await chmod(file, 0o664);
    await expect(readPrivateFile(file, 'the password file', 'group')).rejects.toMatchObject({
      code: 'SECRET_UNREADABLE',
      hint: `chmod o= ${file}`,
    });
  });
});
