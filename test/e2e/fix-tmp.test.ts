import { afterAll, expect, test } from 'vitest';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';
let stack: TestStack;
afterAll(() => stack.remove());
test('takeover', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  await stack.must('up');
  await stack.redis(1, 'SET', 'user:1000', 'x');
  await stack.must('cluster', 'wait');
  await Promise.all([1, 2].map((n) => stack.engine.removeContainer(stack.container(n))));
  for (const n of [1, 2]) await stack.engine.removeVolume(`${stack.container(n)}-data`);
  const up = await stack.run('up', '--timeout', '10');
  console.log(up.exitCode, up.stderr);
  console.log((await stack.run('cluster', 'check')).stdout);
  console.log((await stack.run('cluster', 'fix', '--simulate')).stdout);
  const t = performance.now();
  const fix = await stack.run('cluster', 'fix');
  console.log(await stack.redis(4,'DBSIZE'), await stack.redis(4,'INFO','replication'));
  console.log(fix.exitCode, fix.stdout, fix.stderr, performance.now() - t);
  console.log((await stack.run('cluster', 'check')).stdout);
  console.log(await stack.redis(2, 'GET', 'user:1000'));
  // strangers
  const id2 = await stack.redis(2, 'CLUSTER', 'MYID');
  const id4 = await stack.redis(4, 'CLUSTER', 'MYID');
  await stack.redis(3, 'CLUSTER', 'FORGET', id2);
  await stack.redis(2, 'CLUSTER', 'FORGET', await stack.redis(3, 'CLUSTER', 'MYID'));
  console.log((await stack.run('cluster', 'check')).stdout);
  const two = await stack.run('cluster', 'fix');
  console.log(two.exitCode, two.stdout, two.stderr);
  console.log((await stack.run('cluster', 'check')).stdout);
  void id4;
  // uneven
  const reps = async (): Promise<void> => { console.log((await stack.run('cluster', 'nodes')).stdout); };
  await reps();
  await stack.redis(1, 'CLUSTER', 'REPLICATE', await stack.redis(5, 'CLUSTER', 'MYID'));
  await stack.redis(2, 'CLUSTER', 'REPLICATE', await stack.redis(5, 'CLUSTER', 'MYID'));
  console.log((await stack.run('cluster', 'check')).stdout);
  const even = await stack.run('cluster', 'fix');
  console.log(even.exitCode, even.stdout, even.stderr);
  await reps();
  // both replicas follow one
  const stop = await stack.engine.stopContainer(stack.container(2), 10);
  void stop;
  const three = await stack.run('cluster', 'fix');
  console.log(three.exitCode, three.stdout, three.stderr);
  expect(1).toBe(1);
});
