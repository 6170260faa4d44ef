/** Nodes that announce their host's address: two of one host differ in nothing but their ports. */
import { expect, test } from 'vitest';
import { findFindings } from '../../../../src/cluster/findings/findings.ts';
import { findClusterProblems } from '../../../../src/cluster/findings/health.ts';
import type { NodeView } from '../../../../src/cluster/nodes/view.ts';
import { nameOfId } from '../../../../src/plan/cluster/among-nodes.ts';
import { expectationOf } from '../../../../src/plan/cluster/expectation.ts';
import { planCluster } from '../../../../src/plan/cluster/plan-cluster.ts';
import { planTables } from '../../../../src/plan/cluster/plan-lost-nodes.ts';
import { actionText } from '../../../../src/plan/model/action.ts';
import { containerDefinition } from '../../../../src/plan/model/definitions.ts';
import { asMade } from '../../../../src/plan/model/host-ports.ts';
import { initialNodeId } from '../../../../src/plan/model/names.ts';
import { initialNodeTable, redisConf } from '../../../../src/plan/node/redis-config.ts';
import { ANNOUNCE_TEXT, at, containerOf, healthyViews, parsed, specOf } from '../../../helpers/builders.ts';
import { withRow } from '../../../helpers/damaged-views.ts';

const spec = parsed(ANNOUNCE_TEXT);
const views = healthyViews(spec);
const found = (seen: readonly NodeView[]): string[] =>
  findFindings(expectationOf(spec), seen).map(({ text, mend }) => `${text} → ${mend}`);

test('all three ports are announced, or none is: Redis takes one alone for another', () => {
  const announced = (text: string): string[] =>
    redisConf(parsed(text), at(parsed(text).nodes, 5))
      .split('\n')
      .filter((line) => line.startsWith('cluster-announce-'));
  expect(announced(ANNOUNCE_TEXT)).toEqual([
    'cluster-announce-ip 10.0.0.11',
    'cluster-announce-port 6380',
    'cluster-announce-tls-port 6391',
    'cluster-announce-bus-port 16380',
  ]);
  // Nobody is led to a port on which nobody listens.
  expect(announced(`${ANNOUNCE_TEXT}tls: { plain: false }\n`)).not.toContain('cluster-announce-port 6380');
  expect(announced(`${ANNOUNCE_TEXT}tls: { enabled: false }\n`)).not.toContain('cluster-announce-tls-port 6391');
  const plain = specOf();
  expect(redisConf(plain, at(plain.nodes, 0))).not.toContain('announce-port');
});

test('a new cluster begins with tables of these addresses', () => {
  const [first, , , , , last] = initialNodeTable(spec, at(spec.nodes, 0)).split('\n');
  expect(first).toContain('10.0.0.11:6390@16379,,tcp-port=6379,shard-id=');
  expect(last).toContain('10.0.0.11:6391@16380,,tcp-port=6380,shard-id=');
});

test('a whole cluster has no findings, and nothing to plan', () => {
  expect(found(views)).toEqual([]);
  expect(findClusterProblems(expectationOf(spec), views)).toEqual([]);
  expect(planCluster(spec, views)).toEqual([]);
});

test('one that is away is not taken for the other one of its host', () => {
  const absent = { name: 'redis-6', reachable: false, reason: 'ECONNREFUSED' } as const;
  const flags = new Set(['slave', 'fail']);
  const without: NodeView[] = [...views.slice(0, 5).map(withRow('redis-6', { flags })), absent];
  expect(found(without)).toEqual([
    'redis-6 does not answer: ECONNREFUSED → up',
    'redis-6 is seen as fail by redis-1, redis-2, redis-3, redis-4 and redis-5 → up',
  ]);
  expect(nameOfId(spec, without, initialNodeId('dev', 'redis-6'))).toBe('redis-6');
  const [restored, ...others] = planTables(spec, without, new Set(['redis-6']));
  expect(others).toEqual([]);
  expect(restored?.target).toBe('redis-6');
  expect(restored?.table).toContain(`${initialNodeId('dev', 'redis-6')} 10.0.0.11:6391@16380 myself,slave`);
  expect(restored?.table).toContain(`${initialNodeId('dev', 'redis-1')} 10.0.0.11:6390@16379 master`);
});

test('one that is known at the other one’s port is known at a wrong address, and met at its own', () => {
  const [first, ...others] = views;
  if (first === undefined) throw new Error('no views');
  const misled = [withRow('redis-6', { busPort: 16_379 })(first), ...others];
  expect(found(misled)).toEqual(['redis-1 knows redis-6 at 10.0.0.11:16379 instead of 10.0.0.11:16380 → cluster fix']);
  expect(planCluster(spec, misled).map(actionText)).toEqual([
    'meet 10.0.0.11:6391 from redis-1  (it has an old address of redis-6)',
  ]);
});

test('one whose ports the YAML file has changed is right where it is, until its turn comes', () => {
  const containers = spec.nodes.map((node) => containerOf(containerDefinition(spec, node, 'redis:7', 'stack.yaml')));
  const changed = parsed(
    ANNOUNCE_TEXT.replace(/(redis-6: .*)6380, tls: 6391, bus: 16380/, '$16480, tls: 6491, bus: 16480'),
  );
  const problems = (expected: typeof spec): string[] => findClusterProblems(expectationOf(expected), views);
  expect(problems(changed)).toEqual(['redis-6: it announces the address 10.0.0.11:16380 instead of 10.0.0.11:16480']);
  expect(problems(asMade(changed, containers))).toEqual([]);
});
