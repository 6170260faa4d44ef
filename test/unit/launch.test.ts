import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadProgram } from '../../src/launch.ts';
import { useTempFolders } from '../helpers/temp-folder.ts';
import { PROGRAM } from '../helpers/hint-text.ts';

function writeProgram(root: string, text: string): void {
  mkdirSync(join(root, 'src/cli'), { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) writeFileSync(join(root, name), '{}');
  writeFileSync(join(root, 'src/cli/program.ts'), `export const start = async (): Promise<string> => '${text}';`);
}

const tempFolder = useTempFolders();

const run = async (root: string): Promise<unknown> =>
  (await loadProgram(root)).start(process, { program: PROGRAM, checkout: root });
const kept = (root: string): string[] => readdirSync(join(root, 'node_modules/.cache/redis-cluster-as-code'));

test('the program is kept after its first start, and a changed source is never run as it was', async () => {
  const root = await tempFolder();
  writeProgram(root, 'one');
  expect(await run(root)).toBe('one');
  const [file] = kept(root);
  expect(await run(root)).toBe('one');
  expect(kept(root)).toEqual([file]);

  writeProgram(root, 'two');
  expect(await run(root)).toBe('two');
  expect(kept(root)).toHaveLength(1);
  expect(kept(root)).not.toEqual([file]);
});

test('where nothing can be kept the program runs all the same', async () => {
  const root = await tempFolder();
  const { start } = await loadProgram(join(root, 'nothing-here'));
  expect(start).toBeTypeOf('function');
});
