/** The engine itself is restarted: one of the test's own, in namespaces of its own. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOwnEngine, whyNoOwnEngine, type OwnEngine } from '../helpers/own-engine.ts';
import { requireSuccess, type Program } from '../helpers/program.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnEngine();
/** An engine that ends before leaves a bridge that it doesn't know any more: `up` then says how to delete it. */
const NETWORK_MADE = /✓ create network/;

describe.skipIf(whyNot !== undefined)(
  `an engine that is restarted${whyNot === undefined ? '' : ` (${whyNot})`}`,
  () => {
    let engine: OwnEngine;
    let stack: TestStack;
    beforeAll(async () => {
      engine = await startOwnEngine();
      stack = await makeStack();
    });
    afterAll(async () => {
      await stack.remove();
      await engine.remove();
    });

    const says = ({ said }: Program, pattern: RegExp): Promise<void> =>
      expect.poll(said, { timeout: 60_000, interval: 5 }).toMatch(pattern);
    const redis = async (...args: readonly string[]): Promise<string> =>
      (await engine.must(stack, 'redis-cli', 'redis-1', '--', ...args)).stdout.trim();

    test('in the middle of an up: it waits for the engine, looks again and goes on', async () => {
      const up = engine.program(stack, 'up');
      await says(up, NETWORK_MADE);
      await engine.stop('SIGTERM');
      await says(up, /✗ engine: does not answer any more; waits for it, up to 1m/);
      await engine.start();
      const { stderr } = requireSuccess(await up.ended);
      expect(stderr).toContain('✓ engine: answers again');
      expect((await engine.must(stack, 'up')).stdout).toContain('nothing to do');
    });

    test('while the cluster runs: it comes back by itself with every key, and status says so', async () => {
      expect(await redis('SET', 'user:1000', 'value')).toBe('OK');
      await engine.stop('SIGTERM');
      const away = await engine.program(stack, 'status').ended;
      expect(away.exitCode).toBe(1);
      expect(away.stderr).toContain('[ENGINE_UNREACHABLE]');
      await engine.start();
      const status = async (): Promise<number | null> => (await engine.program(stack, 'status').ended).exitCode;
      await expect.poll(status, { timeout: 120_000 }).toBe(0);
      expect(await redis('GET', 'user:1000')).toBe('value');
    });

    test('killed while the cluster runs: status, check and doctor say why no node runs, and up brings back every key', async () => {
      await engine.stop('SIGKILL');
      await engine.start();
      const why =
        'exit code 0: the engine was killed, or the machine lost its power, and the engine did not start it again';
      const status = await engine.program(stack, 'status').ended;
      expect(status.stdout).toContain(`redis-2 does not answer: its container is exited (${why})`);
      expect(status.stdout).toMatch(/Next: .* up /);
      expect((await engine.program(stack, 'cluster', 'check').ended).stdout).toContain(why);
      const doctor = (await engine.program(stack, 'doctor').ended).stdout;
      expect(doctor).toMatch(/redis-2 is exited: exit code 0: the engine was killed.*\n +→ .* up /);
      await engine.must(stack, 'up');
      expect(await redis('GET', 'user:1000')).toBe('value');
      // What somebody stops after that is his own doing.
      await engine.docker.getContainer(stack.container(2)).stop();
      const stopped = await engine.program(stack, 'status').ended;
      expect(stopped.stdout).toContain('redis-2 does not answer: its container is exited (exit code 0)\n');
    });

    test('away for good in the middle of an up: a clear end within the bound, and the next up goes on', async () => {
      await engine.must(stack, 'down');
      const up = engine.program(stack, 'up', '--timeout', '10');
      await says(up, NETWORK_MADE);
      const at = performance.now();
      await engine.stop('SIGKILL');
      const { exitCode, stderr } = await up.ended;
      expect(performance.now() - at).toBeLessThan(45_000);
      expect(exitCode).toBe(1);
      expect(stderr).toMatch(/does not answer: could not .*, for longer than 10s \[ENGINE_UNREACHABLE\]/);
      expect(stderr).toContain('→ Start the engine, then run the same command again');
      await engine.start();
      await engine.must(stack, 'up');
      expect(await redis('GET', 'user:1000')).toBe('value');
    });
  },
);
