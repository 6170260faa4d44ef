import { expect, test } from 'vitest';
import { datasetBytes, parseClusterInfo, parseInfo, parseView } from '../../../../src/cluster/nodes/view.ts';

test('CLUSTER INFO as Redis sends it', () => {
  const text =
    'cluster_state:ok\r\ncluster_slots_assigned:16384\r\ncluster_slots_ok:16383\r\ncluster_slots_pfail:1\r\n' +
    'cluster_slots_fail:0\r\ncluster_known_nodes:6\r\ncluster_size:3\r\ncluster_current_epoch:6\r\n';
  expect(parseClusterInfo(text)).toEqual({
    state: 'ok',
    slotsAssigned: 16384,
    slotsOk: 16383,
    knownNodes: 6,
    size: 3,
    currentEpoch: 6,
    ownEpoch: Number.NaN,
  });
});

test('an answer without a state counts as failed', () => {
  expect(parseClusterInfo('')).toMatchObject({ state: 'fail', slotsAssigned: Number.NaN });
  expect(parseClusterInfo('cluster_state:fail\r\n')).toMatchObject({ state: 'fail' });
});

test('INFO: headings and empty lines are no fields, and a value may hold colons', () => {
  const fields = parseInfo(
    '# Server\r\nredis_version:7.0.15\r\n\r\nexecutable:/usr/bin/redis:server\r\ndb0:keys=3,expires=0\r\n',
  );
  expect([...fields]).toEqual([
    ['redis_version', '7.0.15'],
    ['executable', '/usr/bin/redis:server'],
    ['db0', 'keys=3,expires=0'],
  ]);
});

test('how many primaries own slots is counted in the table: CLUSTER INFO of Redis 8.6 is late after an atomic migration', () => {
  const nodes = `${'a'.repeat(40)} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383
${'b'.repeat(40)} 10.0.0.2:6379@16379 master - 0 0 2 connected`;
  const view = parseView('redis-1', { nodes, clusterInfo: 'cluster_state:ok\r\ncluster_size:2\r\n', info: '' });
  expect(view.info.size).toBe(1);
});

test.each([
  ['redis_version:7.0.15\r\n', 'Redis 7.0.15'],
  ['redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n', 'Valkey 9.1.2'],
])('%j is %s', (info, server) => {
  const nodes = `${'a'.repeat(40)} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383`;
  expect(parseView('redis-1', { nodes, clusterInfo: '', info })).toMatchObject({ server });
});

test.each([
  ['used_memory:3000000\r\nused_memory_dataset:1000000\r\n', 1_000_000],
  // Of a Valkey with few keys: 2^64 less what is missing.
  ['used_memory:3000000\r\nused_memory_dataset:18446744073709440000\r\n', 0],
  ['', 0],
])('%j: the keys of a node take %i bytes', (info, bytes) => {
  expect(datasetBytes(parseInfo(info))).toBe(bytes);
});
