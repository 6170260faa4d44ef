import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { followPull, linesOf } from '../../../src/engine/docker-streams.ts';

async function linesIn(chunks: Iterable<Buffer>): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(chunks))) lines.push(line);
  return lines;
}

describe('lines', () => {
  const text = Buffer.from('grüße\n\n日本語 🚀\nno end');

  test('are the same wherever the engine cuts, also within a character', async () => {
    for (let at = 0; at <= text.length; at += 1) {
      expect(await linesIn([text.subarray(0, at), text.subarray(at)])).toEqual(['grüße', '', '日本語 🚀', 'no end']);
    }
    expect(await linesIn([...text].map((byte) => Buffer.from([byte])))).toHaveLength(4);
  });

  test('of nothing there are none, and an end makes no line of its own', async () => {
    expect(await linesIn([])).toEqual([]);
    expect(await linesIn([Buffer.from('one\n')])).toEqual(['one']);
  });
});

describe('a pull', () => {
  const pull = async (...lines: readonly string[]): Promise<string[]> => {
    const progress: string[] = [];
    await followPull(Readable.from(lines.map((line) => Buffer.from(`${line}\r\n`))), (text) => progress.push(text));
    return progress;
  };

  test('tells of each layer', async () => {
    expect(
      await pull('{"status":"Pulling from redis"}', '', '{"id":"a1","status":"Downloading","progress":"[=> ]"}'),
    ).toEqual(['Pulling from redis', 'a1 Downloading [=> ]']);
  });

  test('fails with what the engine says inside it', async () => {
    await expect(pull('{"status":"x"}', '{"error":"no space left on device"}')).rejects.toThrow('no space left');
    // Engines are about to say it in this field only.
    await expect(pull('{"errorDetail":{"message":"no space left on device"}}')).rejects.toThrow('no space left');
  });

  test('fails where it is no JSON, and where it breaks off', async () => {
    await expect(pull('<html>')).rejects.toThrow('no JSON');
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('{"status":"x"}\n');
      throw new Error('aborted');
    };
    await expect(followPull(Readable.from(broken()), () => undefined)).rejects.toThrow('aborted');
  });
});
