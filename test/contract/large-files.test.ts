/** Files that are too large for memory, on their way into a container and out of it. */
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.ts';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { resolveImage } from '../../src/stack/observe/image.ts';
import { failureOf } from '../helpers/builders.ts';
import { dockerOf, ownerLabels, removeByLabel, testEngine } from '../helpers/test-stack.ts';

const name = `c-${randomBytes(4).toString('hex')}`;
const file = { path: '/tmp/large', mode: 0o600, uid: 999, gid: 999 };
const CHUNK_BYTES = 1024 ** 2;
let engine: Engine;

beforeAll(async () => {
  engine = await testEngine();
  const image = (await resolveImage(engine, 'redis:7-alpine'))?.reference ?? LOCAL_IMAGE;
  await dockerOf(engine).createContainer({
    name,
    Image: image,
    Cmd: ['true'],
    Labels: { [LABELS.stack]: name, ...(await ownerLabels()) },
  });
});
afterAll(() => removeByLabel(engine, name));

async function* chunks(count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index += 1) yield Buffer.alloc(CHUNK_BYTES, index);
}

test('what was put in comes out, and no more of it is in memory than a part', async () => {
  const count = 300;
  await engine.putFile(name, { ...file, sizeBytes: count * CHUNK_BYTES }, chunks(count));
  const [hash, wanted] = [createHash('sha256'), createHash('sha256')];
  for await (const chunk of chunks(count)) wanted.update(chunk);
  const before = process.memoryUsage().rss;
  let most = 0;
  for await (const chunk of (await engine.openFile(name, file.path)) ?? []) {
    hash.update(chunk);
    most = Math.max(most, process.memoryUsage().rss - before);
  }
  expect(hash.digest('hex')).toBe(wanted.digest('hex'));
  expect(most).toBeLessThan(150 * CHUNK_BYTES);
});

test('an empty file is a file; one that is not there is undefined', async () => {
  await engine.putFile(name, { ...file, path: '/tmp/empty', sizeBytes: 0 }, chunks(0));
  const found: Buffer[] = [];
  for await (const chunk of (await engine.openFile(name, '/tmp/empty')) ?? [Buffer.from('none')]) found.push(chunk);
  expect(Buffer.concat(found)).toHaveLength(0);
  expect(await engine.openFile(name, '/tmp/nothing')).toBeUndefined();
  expect(await engine.openFile(`${name}-nobody`, '/tmp/large')).toBeUndefined();
});

test('content that breaks off, or is of another size, fails', async () => {
  async function* broken(): AsyncGenerator<Buffer> {
    yield* chunks(2);
    throw new Error('the disk is gone');
  }
  const size = { ...file, sizeBytes: 4 * CHUNK_BYTES };
  expect((await failureOf(() => engine.putFile(name, size, broken()))).message).toContain('the disk is gone');
  expect((await failureOf(() => engine.putFile(name, size, chunks(3)))).code).toBe('ENGINE_FAILED');
  expect((await failureOf(() => engine.putFile(`${name}-nobody`, size, chunks(4)))).message).toContain(
    'write /tmp/large',
  );
});

test('who stops reading half-way keeps nothing waiting', async () => {
  for await (const chunk of (await engine.openFile(name, file.path)) ?? []) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  expect(await engine.statFile(name, file.path)).toBeDefined();
});
