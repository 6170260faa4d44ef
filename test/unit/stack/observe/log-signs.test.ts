import { describe, expect, test } from 'vitest';
import {
  damagedTableMend,
  lastWords,
  readLogSigns,
  isStartOver,
  readOutdatedSlots,
} from '../../../../src/stack/observe/log-signs.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const PLACE = { container: 'dev-redis-2', node: 'redis-2', image: 'redis:7', neighbour: 'dev-redis-1' };
const BEGINNING = '1:C 22 Nov 2026 20:56:46.781 # oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo\n';
const texts = (log: string, starts?: number): string[] => readLogSigns(log, PLACE, starts).map(({ text }) => text);

describe('what the last words of a Redis that ended mean', () => {
  test.each([
    ['# Unrecoverable error: corrupted cluster config file "abc".', 'node table'],
    [
      '# Bad file format reading the append only file appendonly.aof.1.incr.aof: make a backup',
      'append-only file is damaged',
    ],
    ["# Can't open the append-only file: No space left on device", 'disk is full'],
    ["# Can't open or create append-only dir appendonlydir: Read-only file system", 'only be read'],
    ['# Short read or OOM loading DB. Unrecoverable error, aborting now.', 'dump.rdb is damaged'],
    ["# Can't handle RDB format version 11", 'newer Redis'],
    ['*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***', 'configuration'],
  ])('%s', (line, meaning) => {
    const [sign] = readLogSigns(`${BEGINNING}1:M 22 Nov 2026 20:46:31.477 ${line}\n`, PLACE);
    expect(sign).toMatchObject({ isFatal: true, text: expect.stringContaining(meaning) as string });
    expect(hintText(sign?.mend ?? '')).not.toBe('');
  });

  test('data of a newer Redis are not called damaged, although Redis does so: to cut the file would lose them', () => {
    const log = `${BEGINNING}# Can't handle RDB format version 12
# Error reading the RDB preamble of the AOF file, AOF loading aborted
# Bad file format reading the append only file appendonly.aof.1.base.rdb: make a backup of your AOF file, then use ./redis-check-aof --fix <filename>\n`;
    const signs = readLogSigns(log, PLACE);
    expect(signs.map(({ text }) => text)).toEqual([
      'its data was written by a newer Redis than the image has, or by another server',
    ]);
    expect(hintText(signs[0]?.mend ?? '')).not.toContain('check-aof');
  });

  test.each([
    '# Bad file format reading the append only file appendonly.aof.2.base.rdb: make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>',
    '# Bad file format reading the append only file appendonlydir/appendonly.aof.2.base.rdb at offset 0.          make a backup of your AOF file, then use ./redis-check-aof --fix <filename.manifest>.',
    '# Wrong signature trying to load DB from file\n# Fatal error loading the DB, check server logs. Exiting.',
  ])('nor are those of Valkey 9, which Redis does not know as data: %s', (lines) => {
    const signs = readLogSigns(`${BEGINNING}${lines}\n`, PLACE);
    expect(signs.map(({ text }) => text)).toEqual([
      'its data was written by another server than the image has, or is damaged from the first byte on',
    ]);
    expect(hintText(signs[0]?.mend ?? '')).not.toMatch(/check-aof|restore/);
  });

  test('a damaged file is looked at by the server that the image has, under whichever name', () => {
    for (const line of ['Short read or OOM loading DB', 'Bad file format reading the append only file']) {
      const [sign] = readLogSigns(`${BEGINNING}# ${line}\n`, PLACE);
      expect(hintText(sign?.mend ?? '')).toMatch(
        /ln -s "\$\(command -v redis-server \|\| command -v valkey-server\)" (\S+) && \1 .*\/data\//,
      );
    }
  });

  test('the base of an append-only file is told from a dump', () => {
    const log =
      'Short read or OOM loading DB. Unrecoverable error\n[offset 0] Checking RDB file appendonly.aof.1.base.rdb\n';
    expect(texts(log)[0]).toContain('base of its append-only file');
  });

  test('what an earlier process said is no news, unless it is asked for', () => {
    const log = `${BEGINNING}# No space left on device\n${BEGINNING}1:M 22 Nov 2026 20:46:33.071 * Ready to accept connections\n`;
    expect(texts(log)).toEqual([]);
    expect(texts(log, 2)).toHaveLength(1);
  });

  test('a configuration that is refused is said before anything else, and counts more than what ended it before', () => {
    const refused = '*** FATAL CONFIG FILE ERROR (Redis 7.0.15) ***\nBad directive or wrong number of arguments\n';
    const log = `${BEGINNING}# Bad file format reading the append only file appendonly.aof.1.incr.aof\n${refused}`;
    const [latest] = texts(log);
    expect(latest).toBe('Redis does not accept a line of its configuration');
    expect(texts(log, 2)).toEqual([latest]);
  });

  test('an append-only file that was cut off ends nothing', () => {
    const log =
      '# !!! Warning: short read while loading the AOF file !!!\n# AOF loaded anyway because aof-load-truncated is enabled\n';
    expect(readLogSigns(log, PLACE)).toMatchObject([{ isFatal: false }]);
  });

  test('without a sign its last line is what there is to show', () => {
    expect(lastWords(`${BEGINNING}1:M 22 Nov 2026 20:46:31.477 # Something new\n\n`)).toBe('Something new');
    expect(lastWords('')).toBe('');
  });
});

test('a node table is made from a neighbour; without one, a neighbour has to come first', () => {
  expect(hintText(damagedTableMend(PLACE))).toMatch(/^npx tsx manage\.ts up .*keeps the damaged one/);
  expect(hintText(damagedTableMend({ ...PLACE, neighbour: undefined }))).toMatch(/another node has to run/);
});

test('slots whose keys a node has read from its files, though others own them; those of its last start', () => {
  const line = (slot: number): string =>
    `1:M 22 Nov 2026 20:46:31.477 # I have keys for slot ${slot}, but the slot is assigned to another node. Setting it to importing state.\n`;
  const log = `${BEGINNING}${line(7)}${BEGINNING}${line(1649)}${line(300)}1:M 22 Nov 2026 20:46:31.480 * Ready to accept connections\n`;
  expect([...readOutdatedSlots(log)]).toEqual([1649, 300]);
  expect([...readOutdatedSlots('')]).toEqual([]);
  expect(isStartOver(log)).toBe(true);
  expect(isStartOver(`${log}${BEGINNING}${line(1649)}`)).toBe(false);
  expect(isStartOver('')).toBe(false);
  expect(isStartOver(line(1649))).toBe(true);
});
