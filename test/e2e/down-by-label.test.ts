/** `down` without the YAML file, by the stack's name. */
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { OWNER_VARIABLE } from '../../src/host/owner.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import { makeStack, runMain, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
afterEach(() => stack.remove());

/** Names of all that carries the label of the stack. */
async function whatIsThere({ engine, name }: TestStack): Promise<string[]> {
  const things = [
    ...(await engine.listContainers()),
    ...(await engine.listNetworks()),
    ...(await engine.listVolumes()),
  ];
  return things.filter(({ labels }) => labels[LABELS.stack] === name).map((thing) => thing.name);
}

describe('down --name', () => {
  beforeEach(async () => {
    stack = await makeStack();
  });

  test('takes a stack down whose YAML file is broken or lost, and its data only when asked to', async () => {
    await stack.must('up');
    stack.edit(() => 'name: [');
    const kept = await runMain(['down', '--name', stack.name], stack.env);
    expect(kept).toMatchObject({ exitCode: 0 });
    expect(kept.stdout).toContain(`${stack.name} is down`);
    expect(kept.stdout).toContain(`npx tsx manage.ts down --name ${stack.name} --volumes`);
    const volumes = [1, 2, 3].map((node) => `${stack.container(node)}-data`);
    expect((await whatIsThere(stack)).toSorted()).toEqual(volumes);

    rmSync(stack.file);
    const refused = await runMain(['down', '--name', stack.name, '--volumes'], stack.env);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toContain(`down --name ${stack.name} --volumes --yes   #`);
    expect(await whatIsThere(stack)).toHaveLength(3);

    const removed = await runMain(['down', '--name', stack.name, '--volumes', '--yes', '--json'], stack.env);
    expect(JSON.parse(removed.stdout)).toMatchObject({ stack: stack.name, keptVolumes: [] });
    expect(await whatIsThere(stack)).toEqual([]);
    const again = await runMain(['down', '--name', stack.name], stack.env);
    expect(again).toMatchObject({ exitCode: 0, stdout: `✓ ${stack.name} is down: nothing was there\n` });
  });

  test.each([
    [['--name', '../dev'], "'../dev' can't be a stack"],
    [['--name', 'Dev'], "'Dev' can't be a stack"],
    [['--name', 'dev', '--all-stale'], '--name and --all-stale exclude each other'],
    [['--name', 'dev', '-f', 'infra/dev-services.yaml'], '-f goes neither with --name nor with --all-stale'],
    [['--all-stale', '-f', 'infra/dev-services.yaml'], '-f goes neither with --name nor with --all-stale'],
  ])('%j is a usage error', async (args, message) => {
    const { exitCode, stderr } = await runMain(['down', ...args], stack.env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(message);
  });

  test('an owner that is no process of this host is a usage error, and nothing is made', async () => {
    const env = { ...stack.env, [OWNER_VARIABLE]: '4194305' };
    const { exitCode, stderr } = await runMain(['up', '-f', stack.file], env);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`${OWNER_VARIABLE} must be the number of a process`);
    expect(await whatIsThere(stack)).toEqual([]);
  });
});
