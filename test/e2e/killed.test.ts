import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { up } from '../../src/stack/up.ts';
import { watchEngine } from '../helpers/counting-engine.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
afterEach(() => stack.remove());

/** From nothing: the network, then create, configure and start three times; three takeovers; three times three forgotten. */
const ENGINE_CALLS = 10;
const CLUSTER_COMMANDS = 12;
const POINTS = Array.from({ length: ENGINE_CALLS + CLUSTER_COMMANDS }, (_, index) => index + 1);

async function upKilledAfter(change: number): Promise<NodeJS.Signals | null> {
  const tsx = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
  const child = spawn(process.execPath, [tsx, 'test/e2e/killed-up.ts', stack.file, String(change)], {
    env: stack.env,
    stdio: 'ignore',
  });
  const [exitCode, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  // tsx passes on how its child ended: by the signal, or by the exit code that shells give for it.
  return exitCode === 137 ? 'SIGKILL' : signal;
}

test.each(POINTS)('killed right after change %i of an up from nothing, the next up finishes it', async (point) => {
  stack = await makeStack();
  expect(await upKilledAfter(point)).toBe('SIGKILL');
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
  expect(await upKilledAfter(9)).toBe('SIGKILL');
  stack.edit((yaml) => yaml.replace('replicas: 1', 'replicas: 0'));
  await stack.must('up');
  expect(await stack.redis(1, 'CLUSTER', 'INFO')).toContain('cluster_size:6');
});
