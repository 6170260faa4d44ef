/** Several people operate one stack, each on a machine of his own, with the same YAML file. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { LABELS } from '../../src/plan/model/names.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import { endText, requireSuccess } from '../helpers/program.ts';
import { makeStack, runMain, type Outcome, type TestStack } from '../helpers/test-stack.ts';

/** As far as a command line depends on who types it. */
type Operator = Pick<TestStack, 'file' | 'env'>;

/** Somebody else's machine: the same YAML file in another folder, and nothing else of it. */
function operatorOf(stack: TestStack, name: string): Operator & { readonly folder: string } {
  const folder = join(stack.folder, name);
  mkdirSync(folder);
  const file = join(folder, 'stack.yaml');
  copyFileSync(stack.file, file);
  return { folder, file, env: { ...stack.env, XDG_STATE_HOME: join(folder, 'state') } };
}

const whyNot = whyNoOwnHosts();

describe.skipIf(whyNot !== undefined)(`two hosts${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  let bob: Operator;
  beforeAll(async () => {
    hosts = await startOwnHosts(2);
    await Promise.all([hosts.joinSwarm(1), ...hosts.all.map((host) => host.loadImage())]);
    stack = await makeStackOn(hosts, 'aba');
    const other = operatorOf(stack, 'bob');
    // The storage that both have, where each of them has it.
    mkdirSync(join(stack.folder, 'secrets'), { mode: 0o700 });
    symlinkSync(join(stack.folder, 'secrets'), join(other.folder, 'secrets'));
    bob = other;
  });
  afterAll(async () => {
    await stack.remove();
    await hosts.remove();
  });

  const redis = async (who: Operator, ...args: readonly string[]): Promise<string> =>
    (await hosts.must(who, 'redis-cli', '--', ...args)).stdout.trim();
  const marks = async (): Promise<string[]> => {
    const lists = hosts.all.map(({ docker }) => docker.listVolumes({ filters: { label: [LABELS.lock] } }));
    return (await Promise.all(lists)).flatMap(({ Volumes }) => Volumes.map(({ Name }) => Name));
  };
  const containersOn = async ({ docker }: OwnHost): Promise<number> => (await docker.listContainers()).length;
  const networksOn = async ({ docker }: OwnHost): Promise<string[]> =>
    (await docker.listNetworks()).map(({ Name }) => Name);

  test('two begin at once: one waits, and knows for whom; there is one password, one authority, and no drift', async () => {
    const ups = await Promise.all([stack, bob].map((who) => hosts.program(who, 'up').ended));
    for (const up of ups) requireSuccess(up);
    const waited = ups.find(({ stdout }) => stdout.includes('nothing to do'));
    expect(waited?.stderr).toMatch(
      new RegExp(`nobody else changes it now; waited for up of \\S+@${hostname()} \\(since [\\d:]{8} UTC\\)`),
    );
    await expect.poll(marks, { timeout: 30_000 }).toEqual([]);
    expect(readdirSync(join(stack.folder, 'secrets')).toSorted()).toEqual(['ca.crt', 'ca.pem', 'password']);
    expect(statSync(join(stack.folder, 'secrets/ca.pem')).mode & 0o777).toBe(0o600);

    expect((await hosts.must(bob, 'plan')).stdout).toContain('Nothing to do');
    for (const who of [bob, stack]) expect((await hosts.must(who, 'up')).stdout).toContain('nothing to do');
    expect(await redis(bob, 'SET', 'user:1000', 'of bob')).toBe('OK');
    expect(await redis(stack, 'GET', 'user:1000')).toBe('of bob');
    // The password is everybody's: nobody has to be told of another.
    const rotated = await hosts.must(bob, 'secrets', 'rotate');
    expect(rotated.stderr).not.toContain('tell them');
    expect((await hosts.must(stack, 'up')).stdout).toContain('nothing to do');
    // Nor is what one of them writes there by hand another's, whatever path the folder has for him.
    writeFileSync(join(stack.folder, 'secrets', 'password'), 'by-hand-1');
    requireSuccess(await hosts.program(stack, 'up').ended);
    expect((await hosts.must(bob, 'up')).stdout).toContain('nothing to do');
    expect(await redis(bob, 'GET', 'user:1000')).toBe('of bob');
    const doctor = await hosts.must(bob, 'doctor');
    expect(doctor.stdout).toMatch(/shared folder +.*secrets, for its owner and group only/);
    expect(doctor.stdout).toContain('nobody changes the stack now');
  });

  test('without the same source nothing is changed, and it is said who has it', async () => {
    const carol = operatorOf(stack, 'carol');
    const said = [await hosts.program(carol, 'up').ended, await hosts.program(carol, 'plan').ended];
    for (const ended of said) {
      expect(ended).toMatchObject({ exitCode: 1 });
      const text = endText(ended);
      expect(text).toContain(`the certificates of ${stack.name} are signed by an authority whose key `);
      expect(text).toMatch(
        new RegExp(`@${hostname()} keeps in \\S+/secrets, and which is not here; nothing was changed`),
      );
      expect(text).toContain(`/secrets itself mounted as ${carol.folder}/secrets`);
    }
    expect(existsSync(join(carol.folder, 'secrets'))).toBe(false);
    for (const who of [stack, bob]) expect((await hosts.must(who, 'up')).stdout).toContain('nothing to do');
  });

  test.each([
    ['SIGKILL', null],
    ['SIGINT', 130],
  ] as const)('one who is ended by %s keeps nobody from going on', async (signal, exitCode) => {
    const ended = hosts.program(bob, 'restart');
    await expect.poll(marks, { timeout: 60_000 }).not.toEqual([]);
    await expect.poll(ended.said, { timeout: 60_000, interval: 5 }).toContain('restart container');
    ended.child.kill(signal);
    expect(await ended.ended).toMatchObject({ exitCode });
    // Who is told to end takes his marks with him; what is left of the other is removed by the next.
    const isAnyLeft = async (): Promise<boolean> => (await marks()).length > 0;
    await expect.poll(isAnyLeft, { timeout: 30_000 }).toBe(signal === 'SIGKILL');
    await hosts.must(stack, 'up');
    expect(await redis(bob, 'GET', 'user:1000')).toBe('of bob');
    await expect.poll(marks, { timeout: 30_000 }).toEqual([]);
  });

  test('down by the name sees one engine, takes what is there, and names the others', async () => {
    const [a, b] = [hosts.at(0), hosts.at(1)];
    const down = (host: OwnHost, ...more: readonly string[]): Promise<Outcome> =>
      runMain(['down', '--name', stack.name, '--host', host.host, ...more], stack.env);
    const first = await down(a);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toContain(`${stack.name} is down on this engine\n`);
    expect(first.stdout).toContain(`The network ${stack.name}-net stays: other hosts may use it.`);
    expect(first.stdout).toContain(`What it has on other hosts stays: b (${b.host}).`);
    expect(first.stdout).toContain(`npx tsx manage.ts down --name ${stack.name} --host ${b.host}   # there`);
    expect(await Promise.all([a, b].map(containersOn))).toEqual([0, 1]);
    expect(await networksOn(a)).toContain(`${stack.name}-net`);
    await hosts.must(bob, 'up');
    expect(await redis(stack, 'GET', 'user:1000')).toBe('of bob');

    await b.docker.getContainer(stack.container(2)).stop();
    expect((await down(a, '--volumes', '--yes')).exitCode).toBe(0);
    const lost = await hosts.program(stack, 'up', '--timeout', '60').ended;
    expect(lost.stderr).toContain('giving up keys, and that was not confirmed');
    await hosts.must(stack, 'cluster', 'fix', '--yes');
    expect((await down(b, '--volumes', '--yes')).exitCode).toBe(0);
    const last = await down(a, '--volumes', '--yes');
    expect(last).toMatchObject({ exitCode: 0 });
    expect(last.stdout).not.toContain('stays: other hosts may use it');
    for (const { docker } of hosts.all)
      await expect.poll(async () => (await docker.listVolumes()).Volumes, { timeout: 30_000 }).toEqual([]);
    // An engine hears of it a moment later than the manager that was asked.
    await expect.poll(() => networksOn(a), { timeout: 30_000 }).not.toContain(`${stack.name}-net`);
  });

  test('with Vault for the password and the certificates, they share no folder', async () => {
    const [address, vault] = await startVaultIn(hosts);
    onTestFinished(() => {
      vault.kill();
    });
    stack.edit((yaml) =>
      yaml
        .replace(/secrets: \{.*/, 'secrets: { provider: vault, path: redis-1 }')
        .replace(/tls: \{.*/, 'tls: { issuer: vault, role: redis-role }'),
    );
    const withVault = (name: string): Operator => {
      const operator = operatorOf(stack, name);
      return { ...operator, env: { ...operator.env, VAULT_ADDR: address, VAULT_TOKEN: 'root-token' } };
    };
    const [dana, erin] = [withVault('dana'), withVault('erin')];
    for (const up of await Promise.all([dana, erin].map((who) => hosts.program(who, 'up').ended))) requireSuccess(up);
    const idle = async (): Promise<void> => {
      for (const who of [dana, erin]) expect((await hosts.must(who, 'up')).stdout).toContain('nothing to do');
    };
    await idle();
    expect((await hosts.must(erin, 'certs')).stdout).toContain('CN=Authority of the stand-in');
    await hosts.must(erin, 'secrets', 'rotate');
    await idle();
    expect(await redis(dana, 'SET', 'user:1000', 'of dana')).toBe('OK');
    expect(await redis(erin, 'GET', 'user:1000')).toBe('of dana');
    const doctor = await hosts.must(dana, 'doctor');
    expect(doctor.stdout).toMatch(/Vault +it answers and gives the password/);
    for (const who of ['dana', 'erin']) expect(existsSync(join(stack.folder, who, 'secrets'))).toBe(false);
  });
});

/** On the loopback of those whose hosts these are. @returns its address, and its process */
async function startVaultIn(hosts: OwnHosts): Promise<readonly [string, ChildProcess]> {
  const script = `require('./test/helpers/vault-stand-in.ts').startVault().then((vault) => {
    vault.versions.set('secret/redis-1', [{ password: 'of-vault-1' }]);
    vault.roles.set('redis-role', { domain: '*', allowsAddresses: true });
    console.log(vault.address);
  })`;
  const [command, ...words] = [...hosts.launcher(), process.execPath, '--import', 'tsx', '--eval', script];
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface(child.stdout)) return [line, child];
  throw new Error('the stand-in did not start');
}

describe('two users of one engine', () => {
  let stack: TestStack;
  afterEach(() => stack.remove());

  test('who has not the authority signs nothing anew, also where he has one of his own', async () => {
    stack = await makeStack();
    const { folder, name } = stack;
    const other = operatorOf(stack, 'bob');
    const run = (...argv: string[]): Promise<Outcome> => runMain([...argv, '-f', other.file], other.env);
    const kept = join(other.folder, 'state/redis-cluster-as-code', name);
    await stack.must('up');
    await openPrivateAuthority(join(kept, 'tls'), { stack: name, nowMs: Date.now() });
    const authority = readFileSync(join(kept, 'tls/ca.pem'), 'utf8');

    for (const [command, own] of [
      ['plan', authority],
      ['up', authority],
      // And then with nothing of his own.
      ['plan', undefined],
      ['up', undefined],
    ] as const) {
      if (own === undefined) rmSync(kept, { recursive: true, force: true });
      const { exitCode, stdout, stderr } = await run(command);
      expect(exitCode).toBe(1);
      expect(stdout + stderr).toContain(
        `keeps in ${folder}/state/redis-cluster-as-code/${name}/tls, and which is not here; nothing was changed`,
      );
      const file = join(kept, 'tls/ca.pem');
      expect(existsSync(file) ? readFileSync(file, 'utf8') : undefined).toBe(own);
    }
    expect((await stack.must('up')).stdout).toContain('nothing to do');
    // With a copy of it, he operates the stack, too.
    mkdirSync(join(kept, 'tls'), { recursive: true, mode: 0o700 });
    cpSync(join(folder, 'state/redis-cluster-as-code', name, 'tls/ca.pem'), join(kept, 'tls/ca.pem'));
    for (const command of ['up', 'up']) expect((await run(command)).stdout).toContain('nothing to do');
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  });
});
