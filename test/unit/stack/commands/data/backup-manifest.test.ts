import { expect, test } from 'vitest';
import { parseManifest, type Manifest } from '../../../../../src/stack/commands/data/backup-manifest.ts';
import { at } from '../../../../helpers/builders.ts';

const GOOD: Manifest = {
  version: 1,
  stack: 'dev',
  redisVersion: '7.0.15',
  takenAt: '2026-01-02T03:04:05.678Z',
  nodes: [
    {
      name: 'redis-1',
      id: 'a'.repeat(40),
      file: 'redis-1.rdb',
      bytes: 88,
      sha256: '0'.repeat(64),
      keys: 0,
      slots: ['0-8191', '9000'],
    },
    {
      name: 'redis-2',
      id: 'b'.repeat(40),
      file: 'redis-2.rdb',
      bytes: 900,
      sha256: 'f'.repeat(64),
      keys: 7,
      slots: ['8192-8999', '9001-16383'],
    },
  ],
};
const [first, second] = [at(GOOD.nodes, 0), at(GOOD.nodes, 1)];

function problemsOf(value: unknown): readonly string[] {
  const parsed = parseManifest(typeof value === 'string' ? value : JSON.stringify(value));
  return 'problems' in parsed ? parsed.problems : [];
}

test('what was written is read back', () => {
  expect(parseManifest(JSON.stringify(GOOD, null, 2))).toEqual({ manifest: GOOD });
});

test.each([
  ['{"version":', 'it is not JSON'],
  [{ ...GOOD, version: 2 }, 'version: must be 1: another program, or a newer version of this one, has written it'],
  [{ ...GOOD, takenAt: 'yesterday' }, 'takenAt: '],
  [{ ...GOOD, nodes: [] }, 'nodes: '],
  [{ ...GOOD, nodes: [first] }, 'nodes: must own every slot, each of them once'],
  [{ ...GOOD, nodes: [first, second, { ...second, file: 'x.rdb' }] }, 'nodes: must own every slot, each of them once'],
  [{ ...GOOD, nodes: [first, { ...second, file: first.file }] }, 'nodes: must name each file once'],
  [
    { ...GOOD, nodes: [first, { ...second, file: '../redis-2.rdb' }] },
    'nodes.1.file: must be the name of a file in this folder',
  ],
  [
    { ...GOOD, nodes: [first, { ...second, file: '/etc/passwd' }] },
    'nodes.1.file: must be the name of a file in this folder',
  ],
  [{ ...GOOD, nodes: [first, { ...second, sha256: 'F'.repeat(64) }] }, 'nodes.1.sha256: must be a SHA-256'],
  [{ ...GOOD, nodes: [first, { ...second, bytes: -1 }] }, 'nodes.1.bytes: '],
  [{ ...GOOD, nodes: [first, { ...second, slots: ['8192-16384'] }] }, 'nodes.1.slots.0: must be within 0-16383'],
  [{ ...GOOD, nodes: [first, { ...second, slots: ['9-8'] }] }, 'nodes.1.slots.0: must be within 0-16383'],
  [{ ...GOOD, nodes: [first, { ...second, slots: ['all'] }] }, 'nodes.1.slots.0: must be a slot or a range'],
])('%j is refused: %s', (value, problem) => {
  expect(problemsOf(value).some((one) => one.startsWith(problem))).toBe(true);
});
