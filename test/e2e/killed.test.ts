import { afterEach, expect, test } from 'vitest';
import { initialNodeTable, NODE_TABLE_FILE } from '../../src/plan/node/redis-config.ts';
import { ensureImage } from '../../src/stack/observe/image.ts';
import { up } from '../../src/stack/commands/up.ts';
import { desiredOf } from '../../src/stack/observe/wanted.ts';
import { watchEngine } from '../helpers/counting-engine.ts';
import { runKilledAfter } from '../helpers/killed.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
afterEach(() => stack.remove());

/**
 * From nothing: the network, then create, configure and start three times; three takeovers; three times three forgotten.
 * One or two of each kind; `npm run reliability` goes through all of them, with other faults, too.
 */
const ENGINE_CALLS = [1, 3, 5, 9];
const CLUSTER_COMMANDS = [11, 13, 14, 21];
const POINTS = [...ENGINE_CALLS, ...CLUSTER_COMMANDS];

test.each(POINTS)('killed right after change %i of an up from nothing, the next up finishes it', async (point) => {
  stack = await makeStack();
  expect(await runKilledAfter(stack, 'up', point)).toBe('SIGKILL');
  await stack.must('up');
  for (const node of [1, 2, 3]) {
    expect((await stack.redis(node, 'CLUSTER', 'NODES')).split('\n')).toHaveLength(3);
  }
  const calls: string[] = [];
  const session = await stack.session();
  const { changeCount } = await up({ ...session, engine: watchEngine(session.engine, (call) => calls.push(call)) });
  expect({ calls, changeCount }).toEqual({ calls: [], changeCount: 0 });
});

test('killed half-way and the YAML file changed: the nodes that hold nothing yet are prepared anew', async () => {
  stack = await makeStack({ nodeCount: 6, replicas: 1 });
  // The network and the six containers are made, and one or two of them have their node table.
  expect(await runKilledAfter(stack, 'up', 9)).toBe('SIGKILL');
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0'));
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_size:6');
});

test('killed half-way and taken down: what the volumes hold is looked at before a new node begins', async () => {
  stack = await makeStack();
  await stack.must('up', '--json');
  // The state that such a run leaves: two nodes with the node table of a new cluster, the third without a volume.
  await stack.must('down', '--volumes', '--yes');
  const session = await stack.session();
  const { wanted } = desiredOf(session, await ensureImage(session));
  await stack.engine.createNetwork(wanted.network);
  for (const node of session.spec.nodes.slice(0, 2)) {
    const definition = wanted.containers.get(node.name);
    if (definition === undefined) throw new Error(`no definition of ${node.name}`);
    await stack.engine.createContainer(definition);
    const table = {
      path: NODE_TABLE_FILE,
      content: initialNodeTable(session.spec, node),
      mode: 0o644,
      uid: 999,
      gid: 999,
    };
    await stack.engine.writeFiles(definition.name, [table]);
  }
  await stack.must('down');
  expect((await stack.must('plan')).stdout).toContain('(to see what its volume holds)');
  await stack.must('up');
  expect(await stack.redis(3, 'CLUSTER', 'INFO')).toContain('cluster_slots_ok:16384');
});
