import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { assert, property, string } from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  findMissingAliases,
  findUnresolved,
  hostNamesOf,
  readHosts,
  withNames,
  writeHosts,
} from '../../../src/host/hosts-file.ts';
import { installNames, readNames, removeNames } from '../../../src/stack/commands/names.ts';
import { failureOf, specOf } from '../../helpers/builders.ts';
import { asTold } from '../../helpers/hint-text.ts';

const FILE = '/etc/hosts';
const OTHERS = '127.0.0.1\tlocalhost\n::1 localhost ip6-localhost # v6\n\n10.1.2.3 nas  # REDIS-1\n';
const spec = specOf({ access: 'names' });
const names = hostNamesOf(spec);
const BLOCK = `# >>> redis-cluster-as-code dev >>>
127.20.0.11 redis-1
127.20.0.12 redis-2
127.20.0.13 redis-3
# <<< redis-cluster-as-code dev <<<
`;

describe('the text of a hosts file', () => {
  test('has the names in a block of the stack; every other line stays byte for byte, and a second time changes nothing', () => {
    expect(withNames(OTHERS, 'dev', names)).toBe(`${OTHERS}${BLOCK}`);
    expect(withNames(`${OTHERS}${BLOCK}`, 'dev', names)).toBe(`${OTHERS}${BLOCK}`);
    expect(withNames(`${OTHERS}${BLOCK}`, 'dev', [])).toBe(OTHERS);
    assert(
      property(string({ unit: 'binary' }), string({ unit: 'binary' }), (before, after) => {
        const lines = before === '' || before.endsWith('\n') ? before : `${before}\n`;
        const outdated = `${lines}${BLOCK.replace('127.20.0.13', '127.20.0.99')}${after}`;
        expect(withNames(outdated, 'dev', names)).toBe(`${lines}${BLOCK}${after}`);
        expect(withNames(outdated, 'dev', [])).toBe(`${lines}${after}`);
      }),
    );
  });

  test('tells which names lead to their nodes: the first line with a name counts, whoever wrote it', () => {
    const unresolved = (text: string): string[] => findUnresolved(text, names).map(({ name }) => name);
    expect(unresolved(OTHERS)).toEqual(['redis-1', 'redis-2', 'redis-3']);
    expect(unresolved(`${OTHERS}${BLOCK}`)).toEqual([]);
    expect(unresolved('127.20.0.11 a REDIS-1\n127.20.0.99 redis-2\n127.20.0.12 redis-2\n127.20.0.13 redis-3')).toEqual([
      'redis-2',
    ]);
  });

  test('is refused where somebody cut the block, or a name is somebody else’s', async () => {
    const refusal = async (text: string): Promise<unknown> =>
      asTold(await failureOf(() => withNames(text, 'dev', names, FILE)));
    expect(await refusal(`${OTHERS}# >>> redis-cluster-as-code dev >>>\n127.20.0.11 redis-1\n`)).toMatchObject({
      code: 'USAGE',
      message:
        "/etc/hosts holds not one whole block between '# >>> redis-cluster-as-code dev >>>' and '# <<< redis-cluster-as-code dev <<<': nothing was changed",
    });
    expect(await refusal(`${OTHERS}10.9.9.9 cache Redis-2\n`)).toEqual({
      code: 'NAME_TAKEN',
      message: 'in /etc/hosts, line 5 leads redis-2 to 10.9.9.9, and it is to be 127.20.0.12: nothing was changed',
      hint: 'Take redis-2 out of that line, or rename the node in the YAML file.',
      details: [],
    });
    const other = BLOCK.replaceAll('code dev', 'code dev-2').replaceAll('127.20', '127.30');
    expect(await refusal(`${OTHERS}${other}`)).toEqual({
      code: 'NAME_TAKEN',
      message:
        'in /etc/hosts, the stack dev-2 leads redis-1 to 127.30.0.11, and it is to be 127.20.0.11: nothing was changed',
      hint: 'Rename the node in the YAML file, or take the names of dev-2 out, with its file: npx tsx manage.ts access names --remove',
      details: [],
    });
    // The same address is no other.
    expect(withNames(`${OTHERS}127.20.0.12 redis-2\n`, 'dev', names)).toContain(BLOCK);
  });
});

test('macOS has only the loopback addresses that it was told since it started', () => {
  const at = (address: string) => ({ lo0: [{ address }] as never });
  expect(findMissingAliases(names, { platform: 'linux', interfaces: {} })).toEqual([]);
  expect(findMissingAliases(names, { platform: 'darwin', interfaces: at('127.20.0.12') })).toEqual([
    '127.20.0.11',
    '127.20.0.13',
  ]);
});

describe('the file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'hosts-'));
    file = join(folder, 'hosts');
    writeFileSync(file, OTHERS);
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const yes = async (): Promise<boolean> => true;

  test('is replaced as a whole, with its mode and its owner; nothing is left beside it', async () => {
    chmodSync(file, 0o664);
    if (process.getuid?.() === 0) chownSync(file, 1234, 1234);
    const before = statSync(file);
    expect(await installNames(spec, yes, file)).toBe(true);
    const after = statSync(file);
    expect(readFileSync(file, 'utf8')).toBe(`${OTHERS}${BLOCK}`);
    expect([after.mode, after.uid, after.gid]).toEqual([before.mode, before.uid, before.gid]);
    expect(after.ino).not.toBe(before.ino);
    expect(readdirSync(folder)).toEqual(['hosts']);
    expect(await installNames(spec, yes, file)).toBe(false);
    expect((await readNames(spec, file)).unresolved).toEqual([]);
    expect(await removeNames(spec, yes, file)).toBe(true);
    expect(readFileSync(file, 'utf8')).toBe(OTHERS);
    expect(await removeNames(spec, yes, file)).toBe(false);
  });

  test('keeps bytes that are no text, and a link to it stays one', async () => {
    const bytes = Buffer.from([0x23, 0xff, 0xfe, 0x0d, 0x0a]);
    writeFileSync(file, bytes);
    const link = join(folder, 'link');
    symlinkSync(file, link);
    await writeHosts(withNames(await readHosts(link), 'dev', names), link);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readFileSync(file)).toEqual(Buffer.concat([bytes, Buffer.from(BLOCK)]));
  });

  test('stays as it is without a yes, where access is another, and where a name is taken', async () => {
    const no = async (): Promise<boolean> => false;
    await expect(installNames(spec, no, file)).rejects.toMatchObject({ code: 'CONFIRMATION_NEEDED' });
    await expect(installNames(specOf(), yes, file)).rejects.toMatchObject({ code: 'USAGE' });
    writeFileSync(file, `${OTHERS}10.9.9.9 redis-2\n`);
    await expect(installNames(spec, yes, file)).rejects.toMatchObject({ code: 'NAME_TAKEN' });
    expect(readFileSync(file, 'utf8')).toBe(`${OTHERS}10.9.9.9 redis-2\n`);
    await expect(installNames(spec, yes, join(folder, 'none'))).rejects.toMatchObject({ code: 'USAGE' });
  });
});
