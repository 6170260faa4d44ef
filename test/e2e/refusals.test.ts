import { connect, createServer, type Server, type Socket } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
beforeEach(async () => {
  stack = await makeStack();
});
afterEach(() => stack.remove());

/** Nothing of the stack is on the engine: a refusal comes before anything is made. */
async function expectNothingMade(): Promise<void> {
  const things = [
    ...(await stack.engine.listContainers()),
    ...(await stack.engine.listNetworks()),
    ...(await stack.engine.listVolumes()),
  ];
  expect(things.map(({ name }) => name).filter((name) => name.startsWith(stack.name))).toEqual([]);
}

describe('a mistake in the files', () => {
  test('every problem at once, with file, line and column, exit code 2, and nothing is made', async () => {
    stack.edit((yaml) =>
      yaml
        .replace('replicas: 0', 'replicas: 1\n  replicsa: 2')
        .replace(`${stack.ips[1] ?? ''},`, '192.168.7.7,')
        .replace(`plain: ${stack.ports[4] ?? ''}`, `plain: ${stack.ports[0] ?? ''}`),
    );
    const unknownKey = await stack.run('up');
    expect(unknownKey.exitCode).toBe(2);
    expect(unknownKey.stderr).toMatch(/stack\.yaml:7:3 redis\.replicsa: unknown key \(known here: image, replicas/);

    stack.edit((yaml) => yaml.replace('\n  replicsa: 2', ''));
    const { exitCode, stderr } = await stack.run('up');
    expect(exitCode).toBe(2);
    expect(stderr).toContain('has 3 problems; nothing was changed');
    expect(stderr).toMatch(
      /stack\.yaml:11:\d+ redis\.nodes\.redis-2\.ip: address 192\.168\.7\.7 is outside the subnet/,
    );
    expect(stderr).toMatch(
      /stack\.yaml:12:\d+ redis\.nodes\.redis-3\.ports\.plain: host port \d+ is used twice: redis-1\.plain has it too/,
    );
    expect(stderr).toMatch(
      /stack\.yaml:9:3 redis\.nodes: 3 nodes can't be divided into primaries with 1 replica\(s\) each/,
    );
    await expectNothingMade();
  });

  test('--json gives the same as data', async () => {
    stack.edit((yaml) => yaml.replace('replicas: 0', 'replicas: many'));
    const { exitCode, stdout } = await stack.run('up', '--json');
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'SPEC_INVALID', details: [expect.stringContaining(':6:3')] },
    });
  });

  test("a directive in the user's redis.conf that the program decides itself", async () => {
    writeFileSync(join(stack.folder, 'redis.conf'), 'tcp-keepalive 60\nport 7000\n');
    stack.edit((yaml) => yaml.replace('  nodes:', '  config: redis.conf\n  nodes:'));
    const { exitCode, stderr } = await stack.run('up');
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/redis\.conf:2:1 'port' can't be set in this file/);
    await expectNothingMade();
  });

  test('a directive that Redis does not know ends the container: its own words are shown', async () => {
    writeFileSync(join(stack.folder, 'redis.conf'), 'no-such-directive yes\n');
    stack.edit((yaml) => yaml.replace('  nodes:', '  config: redis.conf\n  nodes:'));
    const { exitCode, stderr } = await stack.run('up');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('CONTAINER_EXITED');
    expect(stderr).toContain("'no-such-directive yes'");
    writeFileSync(join(stack.folder, 'redis.conf'), 'tcp-keepalive 60\n');
    await stack.must('up');
  });
});

describe('something of somebody else is in the way', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  test('a host port that a process holds: it is named, and nothing is made', async () => {
    const port = stack.ports[3] ?? 0;
    server = createServer().listen(port, '127.0.0.1');
    const { exitCode, stderr } = await stack.run('up');
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`127.0.0.1:${port}`);
    expect(stderr).toContain(`(process ${process.pid})`);
    expect(stderr).toContain('PORT_TAKEN');
    await expectNothingMade();
  });
});

describe('no engine, no image', () => {
  test('an engine that is not there: where it looked and what to do', async () => {
    const { exitCode, stderr } = await stack.run('up', '--host', 'unix:///nowhere/docker.sock');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('unix:///nowhere/docker.sock (--host) does not answer');
    expect(stderr).toContain('ENGINE_UNREACHABLE');
  });

  test('an engine that goes away half-way: a clear code, and the next up finishes the work', async () => {
    const socket = join(stack.folder, 'engine.sock');
    const connections = new Set<Socket>();
    const goAway = (): void => {
      proxy.close();
      for (const connection of connections) connection.destroy();
    };
    const proxy = createServer((client) => {
      const upstream = connect(stack.engine.endpoint.address.replace('unix://', ''));
      for (const connection of [client, upstream]) {
        connections.add(connection);
        connection.on('error', () => undefined);
      }
      client.on('data', (chunk) => {
        if (/^POST \/v[\d.]+\/containers\/[^/]+\/start/.test(chunk.toString('latin1'))) goAway();
      });
      client.pipe(upstream).pipe(client);
    }).listen(socket);
    const { exitCode, stderr } = await stack.run('up', '--host', `unix://${socket}`, '--timeout', '15');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('ENGINE_UNREACHABLE');
    expect(stderr).toContain('run the same command again');
    await stack.must('up');
  });

  test('an engine address that makes no sense is a usage error', async () => {
    expect((await stack.run('up', '--host', 'nonsense')).exitCode).toBe(2);
  });

  test('--timeout bounds the wait and tells what was last seen', async () => {
    await stack.must('up');
    await stack.redis(1, 'CLIENT', 'PAUSE', '60000', 'ALL');
    const { exitCode, stderr } = await stack.run('up', '--timeout', '10');
    expect(exitCode).toBe(1);
    expect(stderr).toContain('WAIT_TIMEOUT');
    expect(stderr).toContain('redis-1 does not answer');
  });
});

describe('the command line', () => {
  test.each([
    [['no-such-command']],
    [['up', '--no-such-option']],
    [['up', 'extra']],
    [['up', '--timeout', 'soon']],
    [['env', '--format', 'xml']],
  ])('%j is a usage error', async (argv) => {
    expect((await stack.run(...argv)).exitCode).toBe(2);
  });

  test('commands on a stack that was never up say so', async () => {
    for (const argv of [['logs'], ['redis-cli'], ['restart'], ['env']]) {
      const { exitCode, stderr } = await stack.run(...argv);
      expect(exitCode).toBe(1);
      expect(stderr).toContain('NOT_RUNNING');
      expect(stderr).toContain('npx tsx manage.ts up');
    }
  });
});
