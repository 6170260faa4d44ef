/** `up --watch` on one engine: what it brings back, what it leaves to a person, and how it ends. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOwnEngine, whyNoOwnEngine, type OwnEngine } from '../helpers/own-engine.ts';
import { startProgram, type Program } from '../helpers/program.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';
import { startVault } from '../helpers/vault-stand-in.ts';

const prints = ({ printed }: Program, pattern: RegExp): Promise<void> =>
  expect.poll(printed, { timeout: 90_000, interval: 20 }).toMatch(pattern);
/** What it prints from now on. */
const fromNow = (watch: Program): Program => {
  const before = watch.printed().length;
  return { ...watch, printed: () => watch.printed().slice(before) };
};

describe('a service on this machine', () => {
  let stack: TestStack;
  let watch: Program;
  beforeAll(async () => {
    stack = await makeStack();
    watch = startProgram(stack, ['up', '--watch']);
  });
  afterAll(async () => {
    watch.child.kill('SIGKILL');
    await watch.ended;
    await stack.remove();
  });

  test('it begins with all that up does, and brings back what ends and what goes, with its data', async () => {
    await prints(watch, /16,384 slots, 3 nodes agree[^]* keeps .* up/);
    expect(await stack.redis(1, 'SET', 'user:1000', 'value')).toBe('OK');
    const [killed, removed] = [fromNow(watch), stack.container(1)];
    await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
    await prints(killed, /^\S+Z ✓ start container \S+-redis-2 {2}\(it is exited\)$/m);
    await stack.engine.removeContainer(removed);
    await prints(killed, new RegExp(`✓ create container ${removed} [^]*cluster: whole again`));
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('value');
  });

  test('what somebody sets by hand stays, also while something else is brought back', async () => {
    await stack.redis(1, 'CONFIG', 'SET', 'slowlog-max-len', '77');
    await stack.redis(1, 'CONFIG', 'SET', 'maxmemory', '70000000');
    const after = fromNow(watch);
    await dockerOf(stack.engine).getContainer(stack.container(3)).kill();
    await prints(after, /cluster: whole again/);
    expect(await stack.redis(1, 'CONFIG', 'GET', 'maxmemory')).toContain('70000000');
    expect((await stack.must('plan')).stdout).toContain('set maxmemory');
  });

  test('a file that is edited is applied by up alone; until then nodes are started', async () => {
    const after = fromNow(watch);
    stack.edit((yaml) => yaml.replace('maxmemory: 64mb', 'maxmemory: lots'));
    await prints(after, /! .*stack\.yaml has 2 problems; .* redis\.maxmemory: must be a size/);
    stack.edit((yaml) => yaml.replace('maxmemory: lots', 'maxmemory: 60mb'));
    await prints(after, /! YAML file: has changed: .* To apply it: .* up /);
    await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
    await prints(after, /✓ start container \S+-redis-2 /);
    expect(after.printed()).not.toContain('configure container');
    expect((await stack.must('plan')).stdout).toContain('set maxmemory 62914560 on redis-3');
    await stack.must('up');
    await prints(after, /✓ YAML file: applied as it is now/);
    expect(after.printed().match(/YAML file: has changed/g)).toHaveLength(1);
  });

  test('a person gets through: what he takes down stays down, until he brings it up', async () => {
    const after = fromNow(watch);
    await stack.must('restart', 'redis-1');
    await stack.must('down');
    await prints(after, /was taken down; waits until somebody brings it up again/);
    expect((await stack.run('status')).stdout).not.toContain(' Up ');
    await stack.must('up');
    await prints(after, /cluster: whole again/);
    // Nothing of it was done by the service.
    expect(after.printed()).not.toContain(' container ');
    expect(await stack.redis(1, 'GET', 'user:1000')).toBe('value');
  });

  test('SIGTERM ends it, and nothing else', async () => {
    const at = performance.now();
    watch.child.kill('SIGTERM');
    const { exitCode, stdout, stderr, signal } = await watch.ended;
    expect(stderr).not.toContain('Warning');
    expect({ exitCode, signal }).toEqual({ exitCode: 0, signal: null });
    expect(performance.now() - at).toBeLessThan(10_000);
    expect(stdout.trimEnd()).toMatch(/Z ✓ watch: ends; the nodes go on$/);
    expect((await stack.must('cluster', 'check')).stdout).toContain('no findings');
  });

  test('a YAML file that is refused in the beginning ends it; with --json each event is a line', async () => {
    stack.edit((yaml) => yaml.replace('maxmemory: 60mb', 'maxmemory: lots'));
    expect(await startProgram(stack, ['up', '--watch']).ended).toMatchObject({ exitCode: 2 });
    stack.edit((yaml) => yaml.replace('maxmemory: lots', 'maxmemory: 60mb'));
    const other = startProgram(stack, ['up', '--watch', '--json']);
    await prints(other, /keeps/);
    other.child.kill('SIGINT');
    const { exitCode, stdout } = await other.ended;
    expect(exitCode).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines).toMatchObject([
      { stack: stack.name, changes: 0 },
      { subject: 'watch', state: 'done' },
      { text: 'ends; the nodes go on' },
    ]);
  });
});

test('where Vault is away, nodes are started with the password that their containers hold', async () => {
  const vault = await startVault();
  vault.versions.set('secret/redis-1', [{ password: 'of-vault' }]);
  const stack = await makeStack({
    secrets: '{ provider: vault, path: redis-1 }',
    env: { VAULT_ADDR: vault.address, VAULT_TOKEN: 'root-token' },
  });
  const watch = startProgram(stack, ['up', '--watch']);
  try {
    await prints(watch, /keeps .* up/);
    await vault.stop();
    await dockerOf(stack.engine).getContainer(stack.container(1)).kill();
    await prints(watch, /! .*Vault.*; goes on with the password that the containers hold\n[^]*cluster: whole again/);
    watch.child.kill('SIGTERM');
    expect(await watch.ended).toMatchObject({ exitCode: 0 });
  } finally {
    watch.child.kill('SIGKILL');
    await stack.remove();
    await vault.stop();
  }
});

const whyNot = whyNoOwnEngine();

test.skipIf(whyNot !== undefined)(
  `an engine that was killed, or is away: it waits, and starts what was left${whyNot === undefined ? '' : ` (${whyNot})`}`,
  async () => {
    const engine: OwnEngine = await startOwnEngine();
    const stack = await makeStack();
    const watch = engine.program(stack, 'up', '--watch');
    try {
      await prints(watch, /keeps .* up/);
      await engine.must(stack, 'redis-cli', 'redis-1', '--', 'SET', 'user:1000', 'value');
      const after = fromNow(watch);
      await engine.stop('SIGKILL');
      await prints(after, /✗ up: the container engine at .* does not answer.*\[ENGINE_UNREACHABLE\]/);
      await engine.start();
      await prints(after, /✓ start container \S+-redis-1 [^]*cluster: whole again/);
      expect(after.printed().match(/✗/g)).toHaveLength(1);
      expect((await engine.must(stack, 'redis-cli', 'redis-1', '--', 'GET', 'user:1000')).stdout.trim()).toBe('value');
      watch.child.kill('SIGTERM');
      expect(await watch.ended).toMatchObject({ exitCode: 0 });
    } finally {
      watch.child.kill('SIGKILL');
      await stack.remove();
      await engine.remove();
    }
  },
);
