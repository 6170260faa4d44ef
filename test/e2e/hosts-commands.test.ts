/** What is done to a stack on several hosts, command by command: three engines of the test's own, 3 primaries and 3 replicas. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import type { Program } from '../helpers/program.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnHosts();
/** Of three primaries one each, in slots of redis-1, redis-2 and redis-3. */
const TAGS = ['{user:1000}', '{user:2000}', '{user:3000}'];
const KEYS_A_TAG = 100;

describe.skipIf(whyNot !== undefined)(`commands on three hosts${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  const services: Program[] = [];
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    await Promise.all([hosts.joinSwarm(3), ...hosts.all.map((host) => host.loadImage())]);
    stack = await makeStackOn(hosts, 'abcbca');
    stack.edit((yaml) =>
      yaml.replace('    redis-2:', '    # the second\n    redis-2:').replace(/\n$/, ' # the last\n'),
    );
    await must('up');
    await fill();
  });
  afterAll(async () => {
    for (const { child } of services) child.kill('SIGTERM');
    await Promise.all(services.map(({ ended }) => ended));
    await stack.remove();
    await hosts.remove();
  });

  /** What it prints, on stdout and stderr. */
  const must = async (words: string, ...more: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await hosts.must(stack, ...words.split(' '), ...more);
    return stdout + stderr;
  };
  const failing = async (exitCode: number, words: string): Promise<string> => {
    const ended = await hosts.program(stack, ...words.split(' ')).ended;
    expect({ words, ...ended }).toMatchObject({ words, exitCode });
    return ended.stdout + ended.stderr;
  };
  const service = (...args: readonly string[]): Program & { readonly printed: () => string } => {
    const program = hosts.program(stack, ...args);
    services.push(program);
    let stdout = '';
    program.child.stdout?.on('data', (chunk) => (stdout += String(chunk)));
    return { ...program, printed: () => stdout };
  };
  const containersOn = async ({ docker }: OwnHost): Promise<string[]> =>
    (await docker.listContainers({ all: true })).flatMap(({ Names }) => Names);
  async function fill(): Promise<void> {
    const script = `for i = 1, ${KEYS_A_TAG} do redis.call('SET', KEYS[1] .. i, i) end`;
    await Promise.all(TAGS.map((tag) => must('redis-cli', '--', 'EVAL', script, '1', tag)));
  }
  const keyCount = async (): Promise<number> => {
    const { stdout } = await hosts.must(stack, 'cluster', 'check', '--json');
    const { nodes } = JSON.parse(stdout) as { nodes: { role: string; keyCount: number }[] };
    return nodes.filter(({ role }) => role === 'primary').reduce((sum, node) => sum + node.keyCount, 0);
  };
  /** Runs a program of JavaScript where a process of the test's runs; gives what it prints. */
  const inNetwork = async (script: string): Promise<string> => {
    const [command, ...words] = [...hosts.launcher(), process.execPath, '--input-type=module', '-e', script];
    const { stdout } = await promisify(execFile)(command, words);
    return stdout;
  };

  test('slots and their keys move between hosts', async () => {
    expect(await must('cluster reshard --from redis-1 --to redis-3 --slots 2000')).toContain(
      `2,000 slots with ${KEYS_A_TAG} keys moved`,
    );
    expect(await must('cluster rebalance')).toMatch(/[\d,]+ slots with [\d,]+ keys moved/);
    expect(await must('cluster fix')).toContain('nothing to repair');
    expect(await keyCount()).toBe(TAGS.length * KEYS_A_TAG);
  });

  test('nodes come to the host with the fewest that the rules allow, and go with nothing left of them', async () => {
    const before = readFileSync(stack.file, 'utf8');
    expect(await failing(2, 'cluster add-node redis-7 --on z')).toContain("there is no host 'z'");
    const added = await must('cluster add-node redis-7 redis-8');
    // redis-7 would begin as the replica of redis-3, which is on c, and redis-8 as that of redis-4, on b.
    expect(added).toContain('redis-7: its host is to be a');
    expect(added).toContain('redis-8: its host is to be c');
    expect(readFileSync(stack.file, 'utf8').slice(0, before.length)).toBe(before);
    expect(await containersOn(hosts.at(2))).toContain(`/${stack.container(8)}`);
    const check = await must('cluster check');
    expect(check).toMatch(/redis-8 +replica of redis-7/);
    expect(check).toContain('8 nodes, no findings');

    await must('cluster remove-node redis-7 redis-8');
    expect(readFileSync(stack.file, 'utf8')).toBe(before);
    for (const host of hosts.all) expect(await containersOn(host)).toHaveLength(2);
    expect(await failing(1, 'cluster add-node redis-8 --on b')).toMatch(
      /a former redis-8 has left .* on the host c; nothing/,
    );
    expect(readFileSync(stack.file, 'utf8')).toBe(before);
  });

  test('a backup takes from every host, restore and import copy to each', async () => {
    const folder = join(stack.folder, 'backup');
    expect(await must(`cluster backup ${folder}`)).toContain('3 primaries, 300 keys');
    // Replicas refuse it.
    await failing(1, 'cluster call FLUSHALL');
    expect(await must(`cluster restore ${folder}`)).toContain('300 keys of');
    for (const host of hosts.all) expect(await containersOn(host)).toHaveLength(2);

    const { docker, address } = hosts.at(1);
    const source = await docker.createContainer({
      Image: LOCAL_IMAGE,
      Cmd: ['redis-server', '--protected-mode', 'no', '--save', ''],
      HostConfig: { PortBindings: { '6379/tcp': [{ HostIp: address, HostPort: '7777' }] } },
    });
    await source.start();
    const write = async (): Promise<string> => {
      const exec = await source.exec({ Cmd: ['redis-cli', 'SET', 'imported', 'value'], AttachStdout: true });
      return text(await exec.start({}));
    };
    await expect.poll(write, { timeout: 60_000 }).toContain('OK');
    expect(await must(`cluster import --from redis://${address}:7777`)).toContain('1 key of');
    await source.remove({ force: true, v: true });
    expect(await must('redis-cli', '--', 'GET', 'imported')).toContain('value');
  });

  test('the password changes on all of them, and so do the certificates', async () => {
    expect(await must('secrets rotate')).toContain('6 nodes have a new password');
    for (const file of ['ca.pem', 'ca.crt']) rmSync(join(stack.folder, 'secrets', file));
    expect(await must('up')).toContain('renew certificate redis-5');
    const certificates = await must('certs');
    expect(certificates).toContain(`redis-5: DNS:redis-5`);
    expect(certificates).toContain(`IP:${hosts.at(2).address}`);
    expect(certificates).not.toContain('✗');
  });

  test('logs, the page and the API go on without a host, and what needs it is refused with its name', async () => {
    const serve = service('serve', '--port', '0', '--json');
    const logs = service('logs', '--follow', '--tail', '1');
    await expect.poll(serve.printed, { timeout: 60_000 }).toContain('url');
    const { url } = JSON.parse(serve.printed()) as { url: string };
    const get = (path: string): Promise<string> =>
      inNetwork(`fetch('${url}${path}').then((answer) => answer.text()).then(console.log)`);
    const event = (name: 'hello' | 'state'): Promise<string> =>
      inNetwork(`const { body } = await fetch('${url}/events');
         let said = '';
         for await (const part of body) {
           said += Buffer.from(part);
           const data = /event: ${name}\\ndata: (.*)\\n\\n/.exec(said)?.[1];
           if (data !== undefined) { console.log(data); process.exit(); }
         }`);
    const state = (): Promise<string> => event('state');
    const SOON = { timeout: 60_000 };
    await expect.poll(() => get('/redis-cluster/nodes'), SOON).toMatch(/"host":"a",.*"host":"b",.*"host":"c",/);
    const upText = (isUp: 0 | 1): string => `redis_cluster_host_up{host="c",stack="${stack.name}"} ${isUp}`;
    await expect.poll(() => get('/metrics'), SOON).toContain(upText(1));
    await expect.poll(async () => JSON.parse(await state()) as object, SOON).toMatchObject({ away: [], health: 'ok' });
    const { snippets } = JSON.parse(await event('hello')) as { snippets: { language: string; code: string }[] };
    const snippet = snippets.find(({ language }) => language === 'Node.js, ioredis')?.code ?? '';
    expect(await inNetwork(snippet)).toContain('world');
    for (const node of [1, 2, 3, 4, 5, 6])
      await expect.poll(logs.printed, { timeout: 60_000 }).toContain(`redis-${node} |`);

    await hosts.at(2).losePower();
    await expect.poll(state, { timeout: 60_000 }).toContain('"away":["c"]');
    await expect.poll(async () => get('/readyz'), { timeout: 60_000 }).toContain('"status":"ok"');
    interface Lost {
      readonly nodes: readonly { readonly name: string; readonly state: string }[];
    }
    const lost = async (): Promise<object> => {
      const { nodes, ...rest } = JSON.parse(await state()) as Lost;
      return { ...rest, unknown: nodes.filter((node) => node.state === 'unknown').map(({ name }) => name) };
    };
    await expect.poll(lost, SOON).toMatchObject({
      away: ['c'],
      headline: 'The host c does not answer; 4 of 6 nodes answer',
      unknown: ['redis-3', 'redis-5'],
    });
    await expect.poll(() => get('/metrics'), SOON).toContain(upText(0));
    // Somebody has taken over, and says so.
    await expect.poll(logs.printed, { timeout: 60_000 }).toMatch(/redis-6 \| .*Failover election won/);
    expect(logs.said()).toContain('redis-3: its host c does not answer any more');

    const bundle = join(stack.folder, 'bundle.tar.gz');
    const unchanged = (what: string): string =>
      `the host c of redis-3 does not answer, so ${what}; nothing was changed`;
    const refused = {
      'cluster reshard --from redis-1 --to redis-2 --slots 10': unchanged('no slots are moved'),
      'cluster rebalance': unchanged('no slots are moved'),
      [`cluster backup ${join(stack.folder, 'other')}`]: unchanged("the cluster can't be backed up"),
      'secrets rotate': unchanged('no node is given another password'),
      'cluster remove-node redis-6': unchanged('no node is removed'),
      'cluster add-node redis-7 --on c':
        'the host c does not answer, so no node can be added to it; nothing was changed',
      'cluster fix': 'redis-3 does not answer: its host c does not answer',
      certs: 'redis-5: its host c does not answer',
    };
    // They wait for each other.
    await Promise.all(
      Object.entries(refused).map(async ([words, said]) =>
        expect(await failing(1, `${words} --timeout 240`)).toContain(said),
      ),
    );
    expect(await failing(1, `doctor --bundle ${bundle}`)).toContain(`Written to ${bundle}`);
    const written = gunzipSync(readFileSync(bundle)).toString('latin1');
    expect(written).toMatch(/"a": \{\s+"Containers"[^]*"c": "it does not answer"/);
    expect(written).toContain('redis-cluster-doctor/redis-4/redis.txt');
    const password = readFileSync(join(stack.folder, 'secrets', 'password'), 'utf8');
    expect(written).not.toContain(password.trim());

    await hosts.at(2).start();
    await must('up');
    // Of three primaries the host a has two now, and the page says what puts it right.
    await expect.poll(state, { timeout: 60_000 }).toContain('cluster failover redis-3');
    await must('cluster failover redis-3');
    await expect.poll(state, { timeout: 60_000 }).toContain('"away":[],"health":"ok"');
    // Beside them the one that was imported, and the snippet's.
    expect(await keyCount()).toBe(TAGS.length * KEYS_A_TAG + 2);
  });

  test('a cluster is formed by hand, and clients come in through a proxy', async () => {
    await failing(1, 'cluster call FLUSHALL');
    await must('cluster reset --all --yes');
    await must('cluster create');
    await must('cluster reset redis-6');
    await must('cluster meet redis-6');
    await must('cluster replicate redis-6 --of redis-3');
    expect(await must('cluster check')).toContain('6 nodes, no findings');

    await must('down');
    stack.edit((yaml) => `access: proxy\n${yaml}`);
    expect(await must('up')).toContain('start proxy at 127.0.0.1:');
    const { REDIS_CLUSTER_NODES: nodes = '', REDIS_PASSWORD_FILE: file = '' } = JSON.parse(
      (await hosts.must(stack, 'env', '--format', 'json')).stdout,
    ) as Record<string, string>;
    const client = `import { readFileSync } from 'node:fs';
      import { Cluster } from 'ioredis';
      const password = readFileSync('${file}', 'utf8').trim();
      const cluster = new Cluster('${nodes}'.split(',').map((node) => 'redis://' + node), { redisOptions: { password } });
      Promise.all(${JSON.stringify(TAGS)}.map(async (tag) => { await cluster.set(tag, 'x'); return cluster.get(tag); }))
        .then((all) => { console.log(all.join()); cluster.disconnect(); });`;
    expect(await inNetwork(client)).toBe('x,x,x\n');
    expect(await must('down')).toContain('stop proxy at 127.0.0.1:');
  });
});
