/** Several commands on one stack at the same time, each a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { makeStack, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

const TSX = join(process.cwd(), 'node_modules/tsx/dist/cli.mjs');
const LONGEST_DELAY_MS = 400;

/** As somebody else would who types it at about the same moment. */
async function manage(...args: readonly string[]): Promise<Outcome> {
  await sleep(Math.random() * LONGEST_DELAY_MS);
  const child = spawn(process.execPath, [TSX, 'manage.ts', ...args, '-f', stack.file], { env: stack.env });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, stdout, stderr };
}

async function containerCount(): Promise<number> {
  return (await stack.engine.listContainers()).filter(({ name }) => name.startsWith(stack.name)).length;
}

test('five ups at once: one makes the cluster, the others wait and find nothing to do', async () => {
  stack = await makeStack();
  const ups = await Promise.all(Array.from({ length: 5 }, () => manage('up', '--timeout', '240')));
  expect(ups.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual([0, 0, 0, 0, 0]);
  expect(ups.filter(({ stdout }) => stdout.includes('nothing to do'))).toHaveLength(4);
  expect(ups.some(({ stderr }) => stderr.includes('nobody else changes it now'))).toBe(true);
  expect(await containerCount()).toBe(3);
  expect((await stack.must('up')).stdout).toContain('nothing to do');
});

test('up and down at once end in one of the two states', async () => {
  stack = await stacks.shared();
  await stack.redis(1, 'SET', 'user:1000', 'value');
  const [upped, downed] = await Promise.all([manage('up'), manage('down')]);
  expect([upped.exitCode, downed.exitCode]).toEqual([0, 0]);
  expect([0, 3]).toContain(await containerCount());
  await stack.must('up');
  expect(await stack.redis(1, 'GET', 'user:1000')).toBe('value');
});

test('three movers move one after the other', async () => {
  stack = await stacks.shared();
  const move = (from: number, to: number) =>
    manage('cluster', 'reshard', '--from', `redis-${from}`, '--to', `redis-${to}`, '--slots', '200');
  const moves = await Promise.all([move(1, 2), move(1, 3), move(2, 3)]);
  expect(moves.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual([0, 0, 0]);
  const { stdout } = await stack.must('cluster', 'nodes', '--json');
  const counts = (JSON.parse(stdout) as { nodes: { slots: { start: number; end: number }[] }[] }).nodes.map(
    ({ slots }) => slots.reduce((sum, { start, end }) => sum + end - start + 1, 0),
  );
  expect(counts).toEqual([5061, 5462, 5861]);
});
