import { expect, test } from 'vitest';
import { parseInfo } from '../../../../src/cluster/nodes/view.ts';
import { datasetBytes } from '../../../../src/stack/execute/require-room.ts';

test.each([
  ['used_memory:3000000\r\nused_memory_dataset:1000000\r\n', 1_000_000],
  // Of a Valkey with few keys: 2^64 less what is missing.
  ['used_memory:3000000\r\nused_memory_dataset:18446744073709440000\r\n', 0],
  ['', 0],
])('%j: the keys of a node take %i bytes', (info, bytes) => {
  expect(datasetBytes(parseInfo(info))).toBe(bytes);
});
