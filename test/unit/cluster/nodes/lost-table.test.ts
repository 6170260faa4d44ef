import { describe, expect, test } from 'vitest';
import { isForgotten, rebuildTable } from '../../../../src/plan/cluster/plan-lost-nodes.ts';
import { parseNodeTable } from '../../../../src/cluster/nodes/node-table.ts';
import { parseView, type ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { specOf } from '../../../helpers/builders.ts';

const [ONE, TWO, THREE, NEW] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40));
const INFO = 'cluster_state:ok\r\ncluster_current_epoch:9\r\n';
const SPEC = specOf();
const announced = { ip: '10.0.0.2', plain: 6379, tls: 6380, busPort: 16379 };
const LOST = { claimed: [], announced };

/** What redis-1 says, to which redis-2 is as `second` tells. */
function witness(second: string): ReachableView {
  const nodes = `${ONE} 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-5460
${TWO} ${second}
${THREE} 10.0.0.3:6379@16379 master - 0 1 3 connected 10923-16383
`;
  return parseView('redis-1', { nodes, clusterInfo: INFO, info: '' });
}

describe('a node table that is made from what another node knows', () => {
  test('has the old id, its slots and its epoch, and no vote to give twice', () => {
    const text = rebuildTable(SPEC, LOST, [witness('10.0.0.2:6379@16379 master,fail - 5 5 2 disconnected 5461-10922')]);
    expect(text).toMatch(/\nvars currentEpoch 9 lastVoteEpoch 9\n$/);
    const { myself, rows } = parseNodeTable(text ?? '');
    expect(myself).toMatchObject({ id: TWO, ip: '10.0.0.2', configEpoch: 2, slots: [{ start: 5461, end: 10_922 }] });
    expect(rows.map(({ id, flags }) => [id, [...flags].join()])).toEqual([
      [ONE, 'master'],
      [TWO, 'myself,master'],
      [THREE, 'master'],
    ]);
  });

  test('a replica is one again', () => {
    const text = rebuildTable(SPEC, LOST, [witness(`10.0.0.2:6379@16379 slave,fail ${ONE ?? ''} 5 5 1 disconnected`)]);
    expect(parseNodeTable(text ?? '').myself).toMatchObject({ id: TWO, role: 'replica', primaryId: ONE });
  });

  test('where its address is another id’s by now, the slots of its keys tell who it was', () => {
    const views = [witness(':0@0 master,noaddr - 5 5 2 disconnected 5461-10922')];
    const claimed = [{ start: 5500, end: 5500 }];
    expect(parseNodeTable(rebuildTable(SPEC, { ...LOST, claimed }, views) ?? '').myself).toMatchObject({
      id: TWO,
      ip: '10.0.0.2',
    });
    expect(rebuildTable(SPEC, { ...LOST, claimed: [{ start: 1, end: 1 }] }, views)).toBeUndefined();
    expect(rebuildTable(SPEC, LOST, views)).toBeUndefined();
  });

  test('nobody knows it: none is made', () => {
    expect(
      rebuildTable(SPEC, { claimed: [], announced: { ...announced, ip: '10.0.0.9' } }, [
        witness('10.0.0.2:6379@16379 master - 5 5 2 connected'),
      ]),
    ).toBe(undefined);
    expect(rebuildTable(SPEC, LOST, [])).toBeUndefined();
  });
});

test('a node that knows only itself, has keys and is unknown to the others has lost its table', () => {
  const view = (keys: string): ReachableView =>
    parseView('redis-2', {
      nodes: `${NEW ?? ''} 10.0.0.2:6379@16379 myself,master - 0 0 0 connected 5500\n`,
      clusterInfo: INFO,
      info: keys,
    });
  const others = [witness('10.0.0.2:6379@16379 master,fail - 5 5 2 disconnected 5461-10922')];
  expect(isForgotten(view('db0:keys=7,expires=0'), others)).toBe(true);
  expect(isForgotten(view(''), others)).toBe(false);
});
