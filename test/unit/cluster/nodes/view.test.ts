import { expect, test } from 'vitest';
import { parseClusterInfo, parseInfo } from '../../../../src/cluster/nodes/view.ts';

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
