import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fillFolder, requireEmpty } from '../../../../../src/stack/commands/data/backup-folder.ts';
import { failureOf } from '../../../../helpers/builders.ts';
import { useTempFolders } from '../../../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const CONTENT = [Buffer.from('RED'), Buffer.from('IS')];

test('files are whole, private and named by their digest', async () => {
  const folder = join(await tempFolder(), 'new/backup');
  const written = await fillFolder(folder, (write) => write('redis-1.rdb', CONTENT));
  expect(written).toEqual({ bytes: 5, sha256: createHash('sha256').update('REDIS').digest('hex') });
  expect(readFileSync(join(folder, 'redis-1.rdb'), 'utf8')).toBe('REDIS');
  expect([folder, join(folder, 'redis-1.rdb')].map((path) => statSync(path).mode & 0o777)).toEqual([0o700, 0o600]);
});

test('half a backup is taken back, and the folder that was made for it', async () => {
  const folder = join(await tempFolder(), 'backup');
  async function* broken(): AsyncGenerator<Buffer> {
    yield Buffer.from('RED');
    throw new Error('lost');
  }
  const work = fillFolder(folder, async (write) => {
    await write('redis-1.rdb', CONTENT);
    await write('redis-2.rdb', broken());
  });
  await expect(work).rejects.toThrow('lost');
  expect(existsSync(folder)).toBe(false);
});

test('a folder that was there stays, empty', async () => {
  const folder = await tempFolder();
  await expect(fillFolder(folder, async () => Promise.reject(new Error('lost')))).rejects.toThrow('lost');
  expect(readdirSync(folder)).toEqual([]);
});

test('what is in a folder already is left alone', async () => {
  const folder = await tempFolder();
  mkdirSync(join(folder, 'mine'));
  const { code, hint } = await failureOf(() => requireEmpty(folder));
  expect([code, hint]).toEqual(['USAGE', 'Name a folder that is empty, or not there yet.']);
  const half = await tempFolder();
  writeFileSync(join(half, 'redis-1.rdb.unfinished'), '');
  expect((await failureOf(() => requireEmpty(half))).hint).toContain('never finished');
  const file = join(folder, 'file');
  writeFileSync(file, '');
  expect((await failureOf(() => requireEmpty(file))).message).toContain('ENOTDIR');
});
