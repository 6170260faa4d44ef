import { describe, expect, test } from 'vitest';
import { isNodeTable } from '../../../../src/stack/doctor/data-checks.ts';
import { failed, ok, type Line } from '../../../../src/stack/doctor/diagnosis.ts';
import { fact } from '../../../../src/stack/doctor/fact.ts';
import { parseInside } from '../../../../src/stack/observe/inside.ts';
import { runChecks, type CheckGroup } from '../../../../src/stack/doctor/doctor.ts';
import { StackError } from '../../../../src/errors.ts';

const group = (subject: string, look: () => Promise<readonly Line[]>): CheckGroup => ({
  heading: 'Engine',
  subject,
  look,
});
const bounds = { signal: new AbortController().signal, timeoutMs: 1000 };

describe('checks side by side', () => {
  test('what one can not know because of another is skipped, and says why', async () => {
    const engine = fact('the engine does not answer', async (): Promise<string> => {
      throw new StackError('ENGINE_UNREACHABLE', { message: 'nobody there', hint: 'start it', details: ['tried: a'] });
    });
    const image = fact('no image is known', async () => `${await engine.know()}!`);
    const checks = await runChecks(
      [
        group('engine', async () => [ok('engine', await engine.find())]),
        group('image', async () => [ok('image', await image.find())]),
        group('containers', async () => [ok('containers', await image.know())]),
        group('other', async () => [ok('other', 'well')]),
      ],
      bounds,
    );
    expect(checks.map(({ subject, state, text, mend }) => [subject, state, text, mend])).toEqual([
      ['engine', 'failed', 'nobody there\ntried: a', 'start it'],
      ['image', 'skipped', 'the engine does not answer', undefined],
      ['containers', 'skipped', 'the engine does not answer', undefined],
      ['other', 'ok', 'well', undefined],
    ]);
  });

  test('one that hangs, and one with a mistake of its own, keep nobody from the others', async () => {
    const checks = await runChecks(
      [
        group('hangs', () => new Promise(() => undefined)),
        group('mistaken', async () => JSON.parse('{') as Line[]),
        group('other', async () => [ok('other', 'well')]),
      ],
      { ...bounds, timeoutMs: 20 },
    );
    expect(checks.map(({ state }) => state)).toEqual(['failed', 'failed', 'ok']);
    expect(checks.every(({ state, mend }) => state === 'ok' || mend !== undefined)).toBe(true);
  });

  test('one mistake that two come upon is shown once', async () => {
    const mistake = group('redis-1', async () => [failed('redis-1', 'it is damaged', 'mend it')]);
    expect(await runChecks([mistake, mistake], bounds)).toHaveLength(1);
  });

  test('Ctrl-C ends them all', async () => {
    const signal = AbortSignal.abort(new StackError('INTERRUPTED', { message: 'interrupted' }));
    await expect(runChecks([group('a', async () => [])], { signal, timeoutMs: 1000 })).rejects.toThrow('interrupted');
  });
});

const ID = 'a'.repeat(40);
test.each([
  [`${ID} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383\nvars currentEpoch 1 lastVoteEpoch 0\n`, true],
  [`${ID} 10.0.0.1:6379@16379 master - 0 0 1 connected 0-16383\n`, false],
  [`${ID} 10.0.0.1:6379@16379 myself,master - 0 0 1 conn`, false],
  ['garbage\n', false],
  ['', false],
])('node table %#', (text, expected) => {
  expect(isNodeTable(text)).toBe(expected);
});

describe('what a container says of itself', () => {
  const df = `Filesystem           1024-blocks    Used Available Capacity Mounted on
/dev/sda1             10000000   4000000   6000000  40% /data
/dev/sda1 /data ext4 rw,relatime 0 0
`;
  test('disk, mount and killed processes', () => {
    expect(parseInside(`${df}oom 1\noom_kill 2\n`)).toEqual({
      totalBytes: 10_240_000_000,
      freeBytes: 6_144_000_000,
      isReadOnly: false,
      killedProcesses: 2,
    });
    expect(parseInside(df.replace('rw,relatime', 'ro,relatime'))?.isReadOnly).toBe(true);
  });

  test('nothing of a disk is no answer', () => {
    expect(parseInside('sh: df: not found\n')).toBeUndefined();
  });
});
