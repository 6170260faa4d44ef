import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadStack } from '../../../../src/stack/session/load.ts';
import { specText } from '../../../helpers/builders.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'load-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A stack file beside a redis.conf, as an editor saves them. */
async function load(save: (text: string) => string | Buffer, which: 'stack.yaml' | 'redis.conf') {
  const files = {
    'stack.yaml': JSON.stringify(withConf(JSON.parse(specText()))),
    'redis.conf': 'tcp-keepalive 60\n',
  };
  for (const [name, text] of Object.entries(files))
    writeFileSync(join(folder, name), name === which ? save(text) : text);
  return loadStack(join(folder, 'stack.yaml'));
}

function withConf({ redis, ...others }: { redis: object }): object {
  return { ...others, redis: { ...redis, config: 'redis.conf' } };
}

describe.each(['stack.yaml', 'redis.conf'] as const)('%s', (which) => {
  test('with a byte order mark is read without it', async () => {
    const { userConf } = await load((text) => `\uFEFF${text}`, which);
    expect(userConf).toBe('tcp-keepalive 60\n');
  });

  test.each([
    ['as PowerShell writes it', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le')],
    ['big-endian', (text: string) => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16()],
    ['without a mark', (text: string) => Buffer.from(text, 'utf16le')],
  ])('in UTF-16, %s: the encoding is named', async (_how, save) => {
    await expect(load(save, which)).rejects.toMatchObject({
      code: 'SPEC_INVALID',
      message: expect.stringContaining(`${which} is in UTF-16`),
    });
  });
});
