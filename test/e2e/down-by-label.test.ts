/** `down` without the YAML file: by the stack's name, and for all that dead runs have left. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findOwner, OWNER_VARIABLE } from '../../src/host/owner.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import { dockerOf, makeStack, runMain, type TestStack } from '../helpers/test-stack.ts';

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

describe('down --all-stale', () => {
  let owner: ChildProcess;
  afterEach(() => void owner.kill('SIGKILL'));

  test('removes exactly what was made for a process that was killed, data included, and only after a yes', async () => {
    owner = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'ignore'] });
    stack = await makeStack({ env: { [OWNER_VARIABLE]: String(owner.pid ?? '') } });
    const ownerLabel = (await findOwner(stack.env)) ?? '';
    await stack.must('up');
    // The owner is no part of what the nodes are made from.
    const asMyself = await runMain(['plan', '-f', stack.file], { ...stack.env, [OWNER_VARIABLE]: '' });
    expect(asMyself.stdout).toContain('Nothing to do');

    // Three beside it, made by hand: what is looked at are labels.
    const docker = dockerOf(stack.engine);
    const volume = async (name: string, more: Record<string, string>): Promise<void> => {
      await docker.createVolume({ Name: `${name}-data`, Labels: { [LABELS.stack]: name, ...more } });
    };
    const myself = (await findOwner({ [OWNER_VARIABLE]: String(process.pid) })) ?? '';
    const others = ['living', 'unowned', 'mixed'].map((kind) => `${stack.name}-${kind}`);
    const [living = '', unowned = '', mixed = ''] = others;
    try {
      await volume(living, { [LABELS.owner]: myself });
      await volume(unowned, {});
      await volume(mixed, {});
      await docker.createVolume({
        Name: `${mixed}-more`,
        Labels: { [LABELS.stack]: mixed, [LABELS.owner]: ownerLabel },
      });
      const isStale = async (): Promise<boolean> =>
        (await runMain(['down', '--all-stale', '--json'], process.env)).stdout.includes(`${stack.name}:`);
      expect(await isStale()).toBe(false);
      owner.kill('SIGKILL');
      await once(owner, 'exit');

      const refused = await runMain(['down', '--all-stale'], process.env);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toContain('CONFIRMATION_NEEDED');
      expect(refused.stderr).toContain(`${stack.name}: 3 containers, 1 network, 3 volumes`);
      for (const other of others) expect(refused.stderr).not.toContain(`${other}:`);
      expect(await whatIsThere(stack)).toHaveLength(7);

      const { exitCode, stdout } = await runMain(['down', '--all-stale', '--yes', '--json'], process.env);
      expect(exitCode).toBe(0);
      const { stacks } = JSON.parse(stdout) as { stacks: { stack: string; removed: unknown[] }[] };
      const names = stacks.map((one) => one.stack);
      expect(stacks.find((one) => one.stack === stack.name)?.removed).toHaveLength(7);
      for (const other of others) expect(names).not.toContain(other);
      expect(await whatIsThere(stack)).toEqual([]);
      const left = (await stack.engine.listVolumes())
        .map(({ name }) => name)
        .filter((name) => name.startsWith(stack.name));
      expect(left.toSorted()).toEqual(
        [`${living}-data`, `${mixed}-data`, `${mixed}-more`, `${unowned}-data`].toSorted(),
      );
    } finally {
      const mine = (await stack.engine.listVolumes()).filter(({ labels }) =>
        others.includes(labels[LABELS.stack] ?? ''),
      );
      await Promise.all(mine.map(({ name }) => stack.engine.removeVolume(name)));
    }
  });
});
