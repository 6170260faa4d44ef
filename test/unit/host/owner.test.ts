import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { fateOf, findOwner, heldSince, holdingOwner, OWNER_VARIABLE } from '../../../src/host/owner.ts';
import { failureOf } from '../../helpers/builders.ts';

async function ownerOf(pid: number): Promise<string> {
  return (await findOwner({ [OWNER_VARIABLE]: String(pid) })) ?? '';
}

test('no owner is named, none is found', async () => {
  expect(await findOwner({})).toBeUndefined();
  expect(await findOwner({ [OWNER_VARIABLE]: '' })).toBeUndefined();
});

test('a process is the same owner each time, and alive', async () => {
  const owner = await ownerOf(process.pid);
  expect(await ownerOf(process.pid)).toBe(owner);
  expect(owner.split('/')[3]).toBe(String(process.pid));
  expect(await fateOf(owner)).toBe('there');
});

test('a process that has ended is gone, and can be nobody’s owner any more', async () => {
  const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
  const owner = await ownerOf(child.pid ?? 0);
  expect(await fateOf(owner)).toBe('there');
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(await fateOf(owner)).toBe('gone');
  const failure = await failureOf(() => ownerOf(child.pid ?? 0));
  expect(failure).toMatchObject({ code: 'USAGE' });
  expect(failure.message).toContain(`is '${child.pid ?? ''}'`);
});

test.each(['0', '-1', '1.5', 'me', '$$', ' 1', '99999999999'])('%j is a usage error', async (text) => {
  expect(await failureOf(() => findOwner({ [OWNER_VARIABLE]: text }))).toMatchObject({ code: 'USAGE' });
});

describe('of the labels of others', () => {
  const changed = async (part: number, text: string): Promise<string> =>
    (await ownerOf(process.pid))
      .split('/')
      .map((one, index) => (index === part ? text : one))
      .join('/');

  test('the same number on another host, or in another container, may be alive', async () => {
    expect(await fateOf(await changed(0, 'ffffffffffffffff'))).toBe('unseen');
    expect(await fateOf(await changed(2, '1'))).toBe('unseen');
  });

  test.runIf(process.platform === 'linux')('a process of before the last boot is gone', async () => {
    expect(await fateOf(await changed(1, '00000000-0000-0000-0000-000000000000'))).toBe('gone');
  });

  test.runIf(process.platform === 'linux')(
    'a number that another process has by now means the one before',
    async () => {
      expect(await fateOf(await changed(4, '1'))).toBe('gone');
    },
  );

  test.each(['', 'x', '1/2/3', 'ffffffffffffffff//1/2/3/4', '../../..'])('%j is nobody who is gone', async (text) => {
    expect(await fateOf(text)).toBe('unseen');
  });
});

test('an owner that holds on to what it has made says since when, and is the same process', async () => {
  const before = Date.now();
  const owner = await holdingOwner();
  expect(heldSince(owner)).toBeGreaterThanOrEqual(before);
  expect(await fateOf(owner)).toBe('there');
  expect(await fateOf(owner.replace(/^[^/]*/, 'ffffffffffffffff'))).toBe('unseen');
  expect(heldSince(await ownerOf(process.pid))).toBeUndefined();
});
