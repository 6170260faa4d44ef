/** `doctor` on one stack that is broken in one way after the other, as a person would find it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Check } from '../../src/stack/doctor/diagnosis.ts';
import { startProgram, type Ended } from '../helpers/program.ts';
import { dockerOf, makeStack, runMain, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
const servers: Server[] = [];
beforeAll(async () => {
  stack = await makeStack();
  await stack.must('up');
});
afterAll(async () => {
  for (const server of servers) server.close();
  await stack.remove();
});

interface Told {
  readonly exitCode: number;
  readonly checks: readonly Check[];
  /** What is not well, and not only unknown. */
  readonly wrong: readonly Check[];
}

async function doctor(...argv: string[]): Promise<Told> {
  const { exitCode, stdout } = await stack.run('doctor', '--json', ...argv);
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] };
  expect(ok).toBe(exitCode === 0);
  const wrong = checks.filter(({ state }) => state === 'failed' || state === 'warning');
  // Whatever is wrong, there is a next command.
  expect(wrong.filter(({ mend = '' }) => mend === '')).toEqual([]);
  return { exitCode, checks, wrong };
}

const ofSubject = (checks: readonly Check[], subject: string): Check[] =>
  checks.filter((check) => check.subject === subject);

/** The engine behind a socket that writes down every request that may change something. */
async function watchedEngine(requests: string[]): Promise<string> {
  const socket = join(stack.folder, 'watched.sock');
  const server = createServer((client) => {
    const upstream = connect(stack.engine.endpoint.address.replace('unix://', ''));
    for (const side of [client, upstream]) side.on('error', () => undefined);
    client.on('data', (chunk) => {
      const [request] = /^(POST|PUT|DELETE) \S+/.exec(chunk.toString('latin1')) ?? [];
      if (request !== undefined) requests.push(request);
    });
    client.pipe(upstream).pipe(client);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return `unix://${socket}`;
}

describe('nothing is wrong', () => {
  test('every line is well, under the headings of the document, and nothing is changed', async () => {
    const requests: string[] = [];
    const { exitCode, checks } = await doctor('--host', await watchedEngine(requests));
    expect(checks.filter(({ state }) => state !== 'ok')).toEqual([]);
    expect(exitCode).toBe(0);
    expect([...new Set(checks.map(({ heading }) => heading))]).toEqual([
      'Program',
      'Engine',
      'Network',
      'Secrets and Certificates',
      'Node Failures',
      'Connection Issues',
      'Cluster Not Forming',
      'Missing Slots',
    ]);
    // A look at the disk, one a node: it leaves nothing behind.
    const changes = requests.filter(
      (request) => !/^POST \/v[\d.]+(\/containers\/[^/]+\/exec|\/exec\/\w+\/start)$/.test(request),
    );
    expect(changes).toEqual([]);
    expect(requests).toHaveLength(6);
  });

  test('on a terminal: a mark a line, and one line of all', async () => {
    const { stdout } = await stack.must('doctor');
    expect(stdout).toMatch(/^Missing Slots\n {2}✓ slots +16384 are owned and served/m);
    expect(stdout).toMatch(new RegExp(`^✓ ${stack.name}: 0 failed, 0 warnings, \\d+ well\n$`, 'm'));
  });

  test('the archive has all that a helper needs, no secret, and is for its owner only', async () => {
    const file = join(stack.folder, 'support.tar.gz');
    const { stdout } = await stack.must('doctor', '--bundle', file);
    for (const said of ['doctor.json', 'redis-3/log.txt', 'plan.json', 'without passwords'])
      expect(stdout).toContain(said);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const texts = await contentOf(file);
    expect([...texts.keys()].filter((name) => name.startsWith('redis-1/')).toSorted()).toEqual([
      'redis-1/container.json',
      'redis-1/log.txt',
      'redis-1/redis.conf',
      'redis-1/redis.txt',
    ]);
    expect(texts.get('redis-1/redis.conf')).toContain('cluster-enabled yes');
    expect(texts.get('redis-2/redis.txt')).toContain('cluster_slots_assigned:16384');
    expect(texts.get('redis-3/log.txt')).toContain('Ready to accept connections');
    expect(JSON.parse(texts.get('plan.json') ?? '')).toMatchObject({ actions: [] });
    expect([...texts.values()].filter((text) => text.startsWith('This could not be read'))).toEqual([]);
    const state = join(stack.folder, 'state/redis-cluster-as-code', stack.name);
    const password = readFileSync(join(state, 'password'), 'utf8').trim();
    const all = [...texts.values()].join('\n');
    expect(all).not.toContain(password);
    expect(all).not.toContain(Buffer.from(password).toString('base64').slice(0, -2));
    expect(all).not.toContain('PRIVATE KEY-----\n');

    const again = await stack.run('doctor', '--bundle', file);
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('not overwritten')]);
  });

  test('what somebody wrote where no secret belongs is taken out of it, too', async () => {
    const token = 'hvs.CAESIcanary-of-the-vault-token';
    const password = readFileSync(
      join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'password'),
      'utf8',
    ).trim();
    const key = '-----BEGIN PRIVATE KEY-----\ncanary-of-a-key\n-----END PRIVATE KEY-----';
    // Redis writes a line of its log for each of these.
    await stack.redis(1, 'EVAL', `redis.log(redis.LOG_WARNING, ARGV[1])`, '0', `${password} ${token}`);
    const kept = readFileSync(stack.file, 'utf8');
    writeFileSync(stack.file, `${kept}# ${token} ${password}\n# ${key.replaceAll('\n', '\n# ')}\n`);
    const file = join(stack.folder, 'canaries.tar');
    try {
      await stack.must('doctor', '--bundle', file);
    } finally {
      writeFileSync(stack.file, kept);
    }
    const all = readFileSync(file, 'latin1');
    expect(all).toContain('[redacted] [redacted]');
    for (const canary of [password, 'canary']) expect(all).not.toContain(canary);
  });
});

async function contentOf(file: string): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  const entries = extract();
  entries.end(gunzipSync(readFileSync(file)));
  for await (const entry of entries) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(Buffer.from(chunk as Uint8Array));
    texts.set(entry.header.name.replace('redis-cluster-doctor/', ''), Buffer.concat(chunks).toString('utf8'));
  }
  return texts;
}

describe('something below is wrong: what does not depend on it is still checked', () => {
  test('a YAML file with mistakes', async () => {
    const kept = readFileSync(stack.file, 'utf8');
    writeFileSync(stack.file, kept.replace('replicas: 0', 'replicas: many'));
    const { exitCode, checks, wrong } = await doctor();
    writeFileSync(stack.file, kept);
    expect(exitCode).toBe(1);
    expect(wrong).toMatchObject([
      { subject: 'YAML file', text: expect.stringContaining(':6:3 redis.replicas') as string },
    ]);
    expect(ofSubject(checks, 'engine')).toMatchObject([{ state: 'ok' }]);
    expect(ofSubject(checks, 'slots')).toMatchObject([{ state: 'skipped', text: 'the YAML file has problems' }]);
  });

  test('no engine, and one that never answers', async () => {
    const nowhere = await doctor('--host', 'unix:///nowhere.sock');
    expect(nowhere.wrong).toMatchObject([{ heading: 'Engine', subject: 'engine', state: 'failed' }]);
    expect(ofSubject(nowhere.checks, 'password')).toMatchObject([{ state: 'ok' }]);

    const socket = join(stack.folder, 'silent.sock');
    const server = createServer(() => undefined);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    const silent = await doctor('--host', `unix://${socket}`, '--timeout', '3');
    expect(silent.wrong).toMatchObject([{ subject: 'engine', text: expect.stringContaining('within 3s') as string }]);
    expect(ofSubject(silent.checks, 'containers')).toMatchObject([
      { state: 'skipped', text: 'the engine does not answer' },
    ]);
  });
});

describe('the folder of the password and the keys is not for this user', () => {
  /** Root as any other user: rights on files hold for it. Its engine stays within reach. */
  const UNPRIVILEGED = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search,-fowner,-chown', '--'];
  const STRANGER = 12_345;
  function told({ exitCode, stdout, stderr }: Ended): { exitCode: number | null; text: string; hints: string[] } {
    const text = stdout + stderr;
    return { exitCode, text, hints: text.match(/(?<=→ ).*/g) ?? [] };
  }

  function runs(command: readonly string[]): boolean {
    try {
      execFileSync(command[0] ?? '', [...command.slice(1), 'true'], { stdio: 'pipe' });
      return true;
    } catch {
      return false;
    }
  }

  test('another user made it: every command names him, and what to type, which helps', async ({ skip }) => {
    if (!runs(UNPRIVILEGED)) skip('only root can take rights from itself');
    const state = join(stack.folder, 'state');
    const inside = join(state, 'redis-cluster-as-code', stack.name);
    const stories: [string, string[]][] = [
      [state, ['doctor', 'up', 'status', 'env']],
      [join(inside, 'tls'), ['doctor', 'up']],
    ];
    for (const [place, commands] of stories) {
      execFileSync('chown', ['-R', String(STRANGER), place]);
      const fails = async (command: string): Promise<void> => {
        const ended = await startProgram(stack, command.split(' '), UNPRIVILEGED).ended;
        expect(told(ended)).toMatchObject({
          exitCode: 1,
          text: expect.stringContaining(`belongs to the user ${STRANGER}`) as string,
          hints: expect.arrayContaining([`sudo chown -R $(id -u) ${place}`]) as string[],
        });
        expect(told(ended).text).not.toContain('mistake of its own');
      };
      await Promise.all(commands.map(fails));
      execFileSync('sh', ['-c', `chown -R $(id -u) ${place}`]);
      expect((await startProgram(stack, ['doctor'], UNPRIVILEGED).ended).exitCode).toBe(0);
    }
  });

  test('the file system is read-only: doctor and up say so, and where else', async ({ skip }) => {
    const { folder } = stack;
    const mounted = ['unshare', '--mount', 'sh', '-c', `mount -o bind,ro ${folder} ${folder} && exec "$@"`, 'sh'];
    if (!runs(mounted)) skip('nothing can be mounted here');
    const home = { ...stack, env: { ...stack.env, XDG_STATE_HOME: join(folder, 'new') } };
    const fails = async (command: string, exitCode: number, hint: RegExp): Promise<void> => {
      const ended = await startProgram(home, command.split(' '), mounted).ended;
      const text: string = expect.stringContaining('EROFS');
      const hints: string[] = expect.arrayContaining([expect.stringMatching(hint)]);
      expect(told(ended)).toMatchObject({ exitCode, text, hints });
    };
    const elsewhere = /^export XDG_STATE_HOME=/;
    const edit = 'cluster add-node redis-4';
    await Promise.all([
      fails('doctor', 1, elsewhere),
      fails('up', 1, elsewhere),
      fails(edit, 2, /^ls -ld .*stack.yaml/),
    ]);
  });
});

describe('something of the stack is wrong', () => {
  test('a node that hangs: the others are still told of', async () => {
    const docker = dockerOf(stack.engine);
    const { State } = await docker.getContainer(stack.container(2)).inspect();
    process.kill(State.Pid, 'SIGSTOP');
    const { wrong, checks } = await doctor().finally(() => process.kill(State.Pid, 'SIGCONT'));
    expect(ofSubject(wrong, 'redis-2 plain')).toMatchObject([
      {
        state: 'failed',
        text: expect.stringContaining('hangs') as string,
        mend: expect.stringContaining('restart redis-2') as string,
      },
    ]);
    expect(ofSubject(checks, 'redis-2 TLS')).toMatchObject([{ state: 'skipped' }]);
    expect(ofSubject(checks, 'redis-3 TLS')).toMatchObject([{ state: 'ok' }]);
    await stack.must('cluster', 'wait');
  });

  test('a password that was changed by hand', async () => {
    await stack.redis(2, 'ACL', 'SETUSER', 'default', 'resetpass', '>by-hand');
    const { wrong } = await doctor();
    expect(wrong).toMatchObject([
      {
        subject: 'redis-2 plain',
        text: expect.stringContaining('changed by hand') as string,
        mend: expect.stringContaining('restart redis-2') as string,
      },
    ]);
    await stack.must('restart', 'redis-2');
  });

  test('a container that is paused, and one that is off the network', async () => {
    const docker = dockerOf(stack.engine);
    const network = docker.getNetwork(`${stack.name}-net`);
    await docker.getContainer(stack.container(1)).pause();
    await network.disconnect({ Container: stack.container(3) });
    const { wrong, checks } = await doctor();
    expect(ofSubject(wrong, 'redis-1')).toMatchObject([
      { heading: 'Node Failures', text: expect.stringContaining('is paused') as string },
    ]);
    const [off] = ofSubject(wrong, 'redis-3');
    expect(off).toMatchObject({ heading: 'Network', text: expect.stringContaining('not connected') as string });
    expect(off?.mend).toContain('npx tsx manage.ts up');
    expect(ofSubject(checks, 'redis-1 plain')).toMatchObject([{ state: 'skipped' }]);
    await stack.must('up');
  });

  test('a node that ended, and its port is taken', async () => {
    await stack.engine.stopContainer(stack.container(2), 3);
    const port = stack.ports[2] ?? 0;
    const server = createServer();
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const { exitCode, wrong } = await doctor();
    server.close();
    expect(exitCode).toBe(1);
    expect(ofSubject(wrong, 'ports')).toMatchObject([
      { text: expect.stringContaining(`(process ${process.pid})`) as string },
    ]);
    expect(ofSubject(wrong, 'redis-2')).toMatchObject([{ text: expect.stringContaining('is exited') as string }]);
    expect(ofSubject(wrong, 'slots')).toMatchObject([
      {
        heading: 'Missing Slots',
        text: expect.stringContaining('5462 slots have an owner and are not served: redis-2 is away') as string,
      },
    ]);
  });

  test('every command that is printed is for this stack and this engine, and does there what it says', async () => {
    await stack.engine.stopContainer(stack.container(2), 3);
    const file = join(stack.folder, "the stack's own.yaml");
    writeFileSync(file, readFileSync(stack.file));
    const typed = ['-f', file, '--host', stack.engine.endpoint.address];
    const printed = new Set<string>();
    const commands = [
      'status',
      'doctor',
      'cluster check',
      'cluster fix',
      'cluster wait --timeout 1',
      'cluster failover redis-1',
      'cluster forget none',
      'cluster import --from x',
    ];
    for (const command of commands) {
      const { stdout, stderr } = await runMain([...command.split(' '), ...typed], stack.env);
      for (const [, line = ''] of (stdout + stderr).matchAll(/npx tsx manage\.ts (.*?)(?: {3}#.*| *[,)]?)$/gm))
        printed.add(line);
    }
    const parsed = [...printed].map((line) =>
      execFileSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' })
        .trimEnd()
        .split('\n'),
    );
    expect(parsed.map((argv) => argv.slice(-4))).toEqual(parsed.map(() => typed));
    const names = parsed.map((argv) => argv.slice(0, -4).join(' '));
    expect(names).toEqual(['up', 'cluster nodes', 'cluster import --from redis://127.0.0.1:6379/0']);
    const harmless = parsed.filter((_argv, index) => !/NODE|SECONDS|import/.test(names[index] ?? ''));
    for (const argv of harmless) expect((await runMain(argv, stack.env)).exitCode).toBe(0);
    expect((await stack.engine.listContainers()).find(({ name }) => name === stack.container(2))?.state).toBe(
      'running',
    );
  });

  test('everything is well again', async () => {
    await stack.must('up');
    const isWell = async (): Promise<readonly Check[]> =>
      (await doctor()).wrong.filter(({ state }) => state === 'failed');
    await expect.poll(isWell, { timeout: 60_000 }).toEqual([]);
  });
});
