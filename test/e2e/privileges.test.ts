/** What a node's container may do, and what another container of its network can do to the node. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseNodeTable } from '../../src/cluster/nodes/node-table.ts';
import { CONFIG_FOLDER, CONFIG_VOLUME } from '../../src/plan/node/redis-config.ts';
import { CONTAINER_PORTS } from '../../src/spec/ports.ts';
import { dockerOf, makeStack, ownerLabels, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await makeStack({ tls: '{ cluster: true }' });
  await stack.must('up');
});
afterAll(() => stack.remove());

describe('a container of a node', () => {
  const inside = (script: string): Promise<string> =>
    stack.engine.readCommand(stack.container(2), ['sh', '-c', `${script} 2>&1`]);

  test('has no capability, gets none by a program, writes to its volumes only, and has a limit of processes', async () => {
    const status = await inside('cat /proc/1/status');
    for (const set of ['CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
      expect(status).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(status).toMatch(/^Uid:\s+999\s+999\s+999\s+999$/m);
    expect(await inside('touch /x /tmp/x')).toMatch(/(.*Read-only file system\n){2}/);
    expect(await stack.redis(2, 'CONFIG', 'REWRITE')).toBe('OK');
    await stack.must('up');
    expect((await stack.engine.inspectContainer(stack.container(2)))?.processes).toBeGreaterThan(0);
  });

  test('that an earlier version made with more is of use, and recreated: plan says why', async () => {
    await stack.redis(2, '-c', 'SET', 'kept', 'yes');
    const docker = dockerOf(stack.engine);
    const container = stack.container(2);
    const { Config, HostConfig, NetworkSettings } = await docker.getContainer(container).inspect();
    const files = await stack.engine.readFolder(container, CONFIG_FOLDER);
    await stack.engine.stopContainer(container, 10);
    await stack.engine.removeContainer(container);
    const { IPAMConfig, Aliases } = NetworkSettings.Networks[`${stack.name}-net`] ?? {};
    const former = await docker.createContainer({
      ...Config,
      name: container,
      Cmd: ['redis-server', `${CONFIG_VOLUME}/redis.conf`],
      HostConfig: {
        ...HostConfig,
        CapDrop: [],
        SecurityOpt: [],
        PidsLimit: 0,
        ReadonlyRootfs: false,
        Mounts: HostConfig.Mounts?.slice(0, 1),
      },
      NetworkingConfig: { EndpointsConfig: { [`${stack.name}-net`]: { IPAMConfig, Aliases } } },
    });
    await stack.engine.listContainers();
    const owner = { uid: 999, gid: 999 };
    await stack.engine.writeFiles(container, [
      ...['', 'tls/'].map((path) => ({ path: `${CONFIG_FOLDER}/${path}`, content: '', mode: 0o700, ...owner })),
      ...[...(files ?? [])].map(([path, text]) => {
        return { path, content: text.replaceAll(CONFIG_FOLDER, CONFIG_VOLUME), mode: 0o600, ...owner };
      }),
    ]);
    await former.start();
    await stack.must('cluster', 'wait');
    expect(await stack.redis(2, '-c', 'GET', 'kept')).toBe('yes');
    await stack.must('secrets', 'rotate');

    const { stdout } = await stack.must('plan');
    expect(stdout).toMatch(/^~ stop container \S+-2 {2}\(it has more privileges than it needs; redis-2 has no replica/);
    expect(stdout).not.toContain(stack.container(1));
    await stack.must('up');
    expect(await inside('grep CapBnd /proc/1/status')).toMatch(/:\s+0+$/m);
    expect(await stack.redis(2, '-c', 'GET', 'kept')).toBe('yes');
    expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  });
});

describe('another container of the network', () => {
  let guest: string;
  beforeAll(async () => {
    guest = `${stack.name}-guest`;
    const nodes = await stack.engine.listContainers();
    const container = await dockerOf(stack.engine).createContainer({
      name: guest,
      Image: nodes.find(({ name }) => name === stack.container(1))?.imageId ?? '',
      // A node of its own, whose bus is open, to see that what is sent is understood.
      Cmd: ['redis-server', '--cluster-enabled', 'yes'],
      Labels: {
        ...(await ownerLabels()),
        'redis-cluster-as-code.stack': stack.name,
        'redis-cluster-as-code.node': 'guest',
      },
      HostConfig: { NetworkMode: `${stack.name}-net` },
    });
    await container.start();
  });

  const attack = (script: string, ...args: string[]): Promise<string> =>
    stack.engine.readCommand(guest, ['sh', '-c', `(${script}) 2>&1`, '-', ...args]);

  test.each([
    ['plain', `-p ${CONTAINER_PORTS.plain}`],
    ['TLS', `-p ${CONTAINER_PORTS.tls} --tls --insecure`],
  ])('without the password: PING and CLUSTER INFO, and nothing else (%s port)', async (_port, options) => {
    const client = `redis-cli -h ${stack.ips[0]} ${options}`;
    expect(await attack(`${client} PING; ${client} GET key; ${client} CLUSTER NODES`)).toMatch(/^(NOAUTH .*\n+){3}$/);
    const asHealth = `${client} --no-auth-warning --user health --pass health`;
    for (const copy of ['SYNC', 'PSYNC x x']) expect(await attack(`${asHealth} ${copy}`)).toContain('-NOPERM');
    // What logs in, or out, is open to all.
    const left = new Set(['sync', 'psync', 'auth', 'hello', 'quit', 'reset']);
    const all = JSON.parse(await stack.redis(1, '--json', 'COMMAND')) as CommandInfo[];
    const lines = commandLines(all).filter(({ name }) => !left.has(name));
    expect(lines.length).toBeGreaterThan(300);
    const answers = await attack(`echo "$1" | ${asHealth}`, lines.map(({ line }) => line).join('\n'));
    const refused = /^(NOPERM |EXECABORT .*NOPERM |ERR (MODULE|DEBUG) command not allowed).*\n+/gm;
    expect(answers.match(refused)).toHaveLength(lines.length - 2);
    expect(answers.replaceAll(refused, '')).toMatch(/^(PONG\n)?(cluster_\w+:\w+\r?\n)+(\w+:\d+\r?\n)*\n?(PONG\n)?$/);
  });

  test('over the bus: a node that it wants to introduce is not met, and without a certificate there is no connection', async () => {
    const meet = [...forgedMeet()].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('');
    const send = (host: string): Promise<string> =>
      attack(`printf "$1" | timeout 3 nc ${host} ${CONTAINER_PORTS.bus}`, meet);
    const met = (info: string): string => /messages_meet_received:\d+/.exec(info)?.[0] ?? 'none';
    const state = async (): Promise<unknown> => ({
      met: met(await stack.redis(1, 'CLUSTER', 'INFO')),
      nodes: parseNodeTable(await stack.redis(1, 'CLUSTER', 'NODES')).rows.map(({ id }) => id),
    });
    const before = await state();
    // A bus that is open takes it.
    await send('127.0.0.1');
    expect(met(await attack('redis-cli CLUSTER INFO'))).toMatch(/:1$/);
    await send(stack.ips[0] ?? '');
    const noCertificate = `redis-cli -h ${stack.ips[0]} -p ${CONTAINER_PORTS.bus} --tls --insecure PING`;
    expect(await attack(noCertificate)).toMatch(/certificate required|closed|reset/i);
    expect(await state()).toEqual(before);
  });
});

type CommandInfo = [
  name: string,
  arity: number,
  ...rest: [unknown, unknown, unknown, unknown, unknown, unknown, unknown, CommandInfo[]],
];

/** Each command and subcommand with as many words as it wants: what is too short is refused before anybody asks who may send it. */
function commandLines(commands: readonly CommandInfo[]): { readonly name: string; readonly line: string }[] {
  return commands.flatMap(([name, arity, ...rest]) => {
    const own = [...name.split('|'), ...Array.from({ length: Math.abs(arity) }, () => 'x')].slice(0, Math.abs(arity));
    const below = commandLines(rest[7]);
    return below.length > 0 ? below : [{ name, line: own.join(' ') }];
  });
}

/** The packet with which a node that nobody knows asks to be met (cluster.h, clusterMsg; no gossip). */
function forgedMeet(): Buffer {
  const length = 2256;
  const packet = Buffer.alloc(length);
  packet.write('RCmb');
  packet.writeUInt32BE(length, 4);
  packet.writeUInt16BE(1, 8);
  packet.writeUInt16BE(CONTAINER_PORTS.plain, 10);
  packet.writeUInt16BE(2, 12);
  packet.write('f'.repeat(40), 40);
  packet.writeUInt16BE(CONTAINER_PORTS.bus, 2248);
  packet.writeUInt16BE(1, 2250);
  return packet;
}
