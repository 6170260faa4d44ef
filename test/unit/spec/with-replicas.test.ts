import { expect, test } from 'vitest';
import { findShapeProblem } from '../../../src/spec/rules.ts';
import { withReplicas } from '../../../src/spec/spec.ts';
import { specOf } from '../../helpers/builders.ts';

test('the same nodes in another shape: what the YAML file would give with another number of replicas', () => {
  const six = specOf({ primaries: 3, replicas: 1 });
  expect(withReplicas(six, 0)).toEqual(specOf({ primaries: 6, replicas: 0 }));
  expect(withReplicas(withReplicas(six, 0), 1)).toEqual(six);
  const roles = withReplicas(specOf({ primaries: 9 }), 2).nodes.map(
    ({ initialPrimary }) => initialPrimary ?? 'primary',
  );
  expect(roles.join(' ')).toBe('primary primary primary redis-1 redis-2 redis-3 redis-1 redis-2 redis-3');
});

test('shapes that can be, and why others can not', () => {
  expect(findShapeProblem(3, 0)).toBeUndefined();
  expect(findShapeProblem(9, 2)).toBeUndefined();
  expect(findShapeProblem(7, 1)?.message).toBe("7 nodes can't be divided into primaries with 1 replica(s) each");
  expect(findShapeProblem(4, 1)?.hint).toBe('a Redis Cluster needs at least 3 primaries: 6 nodes');
});
