import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, property, string } from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeBlock } from '../../../../../src/cli/commands/env/block.ts';
import { marksOf, withBlock } from '../../../../../src/marked-block.ts';

const [FIRST, LAST] = ['# >>> redis-cluster >>>', '# <<< redis-cluster <<<'];
const MARKS = marksOf('redis-cluster');

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'env-block-'));
  file = join(folder, '.env');
});
afterEach(() => rmSync(folder, { recursive: true }));

const modeOf = (path: string): number => statSync(path).mode & 0o777;

test('whatever else a file holds stays, and a second time changes nothing', () => {
  assert(
    property(string({ unit: 'binary' }), string(), (before, after) => {
      const lines = before === '' || before.endsWith('\n') ? before : `${before}\n`;
      const first = withBlock(before, MARKS, 'A=1');
      expect(first).toBe(`${lines}${FIRST}\nA=1\n${LAST}\n`);
      expect(withBlock(`${first}${after}`, MARKS, 'A=2\nB=3')).toBe(`${lines}${FIRST}\nA=2\nB=3\n${LAST}\n${after}`);
      expect(withBlock(`${first}${after}`, MARKS, 'A=1')).toBe(`${first}${after}`);
      expect(withBlock(`${first}${after}`, MARKS, undefined)).toBe(`${lines}${after}`);
    }),
  );
});

test('a file that is no UTF-8, with the line ends of Windows, keeps every byte', async () => {
  const bytes = Buffer.from([0x41, 0x3d, 0xff, 0xfe, 0x0d, 0x0a, 0x42, 0x3d]);
  writeFileSync(file, bytes);
  expect(await writeBlock(file, 'C=ü', false)).toBe(true);
  expect(readFileSync(file)).toEqual(Buffer.concat([bytes, Buffer.from(`\n${FIRST}\nC=ü\n${LAST}\n`)]));
  writeFileSync(file, readFileSync(file, 'latin1').replaceAll('>>>\n', '>>>\r\n'), 'latin1');
  expect(await writeBlock(file, 'C=ü', false)).toBe(true);
  expect(readFileSync(file)).toEqual(Buffer.concat([bytes, Buffer.from(`\n${FIRST}\nC=ü\n${LAST}\n`)]));
  expect(await writeBlock(file, 'C=ü', false)).toBe(false);
});

test('only its owner reads a file that holds a secret; of any other the mode stays', async () => {
  expect(await writeBlock(file, 'A=1', false)).toBe(true);
  chmodSync(file, 0o664);
  expect(await writeBlock(file, 'A=2', false)).toBe(true);
  expect(modeOf(file)).toBe(0o664);
  expect(await writeBlock(file, 'A=2', true)).toBe(true);
  expect(modeOf(file)).toBe(0o600);
  expect(await writeBlock(file, 'A=1', false)).toBe(true);
  expect(modeOf(file)).toBe(0o600);
});

test('a link stays one, and what it leads to is written', async () => {
  const target = join(folder, 'shared.env');
  writeFileSync(target, 'A=1\n');
  symlinkSync(target, file);
  await writeBlock(file, 'B=2', true);
  expect(lstatSync(file).isSymbolicLink()).toBe(true);
  expect(readFileSync(target, 'utf8')).toBe(`A=1\n${FIRST}\nB=2\n${LAST}\n`);
});

describe('an error changes nothing', () => {
  test.each([
    ['its last line is gone', `A=1\n${FIRST}\nB=2\n`],
    ['its first line is gone', `B=2\n${LAST}\nC=3\n`],
    ['the lines are turned round', `${LAST}\n${FIRST}\n`],
    ['there are two', `${FIRST}\n${LAST}\n${FIRST}\n${LAST}\n`],
    ['one and a half', `${FIRST}\n${FIRST}\nA=1\n${LAST}`],
  ])('a block that somebody cut: %s', async (_case, text) => {
    writeFileSync(file, text);
    await expect(writeBlock(file, 'A=1', false)).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining(`${file} holds not one whole block`) as unknown,
    });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  test('a folder that is not there, and what is no file in its place', async () => {
    const pipe = join(folder, 'pipe');
    spawnSync('mkfifo', [pipe]);
    for (const path of [join(folder, 'none', '.env'), folder, pipe]) {
      await expect(writeBlock(path, 'A=1', true)).rejects.toMatchObject({
        code: 'USAGE',
        message: expect.stringContaining(`${path} can't be written: `) as unknown,
      });
    }
  });
});
