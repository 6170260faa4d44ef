/** Who may ask the service, where it listens, and how it ends. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Secret } from '../../src/secret.ts';
import { sendBytes, startService, type RawAnswer, type RunningService } from '../helpers/service.ts';
import { dockerOf, makeStack, type TestStack } from '../helpers/test-stack.ts';

const TOKEN = 'a-token-of-more-than-16-characters:with=signs';

let stack: TestStack;
let open: RunningService;
let guarded: RunningService;
beforeAll(async () => {
  // Nothing but TLS is open, and the service works over it like over the plain ports.
  stack = await makeStack({ tls: '{ plain: false }' });
  await stack.must('up');
  open = await startService(stack);
  guarded = await startService(stack, { host: '0.0.0.0', token: new Secret(TOKEN) });
});
afterAll(async () => {
  await Promise.all([open.stop(), guarded.stop()]);
  await stack.remove();
});

/** With the headers as they are written down, and no others. */
function ask(service: RunningService, path: string, headers: readonly string[], method = 'GET'): Promise<RawAnswer> {
  return sendBytes(
    service.port,
    `${[`${method} ${path} HTTP/1.1`, ...headers, 'Connection: close'].join('\r\n')}\r\n\r\n`,
  );
}

test('over TLS alone the service answers with the addresses of the TLS ports', async () => {
  const nodes = await open.get('/redis-cluster/nodes');
  expect(((await nodes.json()) as { nodes: unknown[] }).nodes).toMatchObject(
    stack.ips.map((ip) => ({ ip, port: 6380 })),
  );
  const slots = (await (await open.get('/redis-cluster/slots')).json()) as { distribution: { node: string }[] };
  expect(slots.distribution.map(({ node }) => node)).toEqual(stack.ips.map((ip) => `${ip}:6380`));
  for (const port of [6379, 6380]) {
    const answer = await open.get(`/redis-cluster/node/${stack.ips[0]}:${port}`);
    expect(await answer.json()).toMatchObject({ node: `${stack.ips[0]}:6380` });
  }
  expect((await open.get('/readyz')).status).toBe(200);
});

describe('without a token only this machine is answered', () => {
  test.each([
    '127.0.0.1',
    '127.0.0.1:8000',
    'localhost',
    'LOCALHOST:8000',
    'LocalHost',
    '[::1]',
    '[::1]:8000',
    '127.0.0.2:1',
    'redis.localhost',
  ])('under the name %s', async (host) => {
    expect((await ask(open, '/redis-cluster/info', [`Host: ${host}`])).status).toBe(200);
  });

  test.each([
    'evil.example',
    'evil.example:8000',
    '127.0.0.1.evil.example',
    'localhost.evil.example',
    'evil-localhost',
    '10.0.0.1',
    '0.0.0.0',
    '[::2]',
    '::1',
    '127.1',
    '2130706433',
    '0x7f.1',
    'localhost.',
    '127.0.0.1.',
    '',
    '127.0.0.1@evil.example',
    'localhost:80:80',
    '127.0.0.1 evil.example',
    '[::ffff:127.0.0.1].evil.example',
  ])('and not under the name "%s"', async (host) => {
    for (const path of [
      '/redis-cluster/info',
      '/',
      '/page/app.js',
      '/events',
      '/docs',
      '/healthz',
      '/%zz',
      '/nowhere',
    ]) {
      const answer = await ask(open, path, [`Host: ${host}`]);
      expect([path, answer.status]).toEqual([path, 421]);
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    }
  });

  test('nor under none', async () => {
    expect((await sendBytes(open.port, 'GET /redis-cluster/info HTTP/1.0\r\n\r\n')).status).toBe(421);
    // HTTP/1.1 itself asks for one.
    expect((await ask(open, '/redis-cluster/info', [])).status).toBe(400);
  });

  test.each([
    ['http://evil.example', 403],
    ['null', 403],
    ['https://127.0.0.1:8001', 403],
    ['http://127.0.0.1:8001', 403],
    ['http://127.0.0.1:8000.evil.example', 403],
    ['http://127.0.0.1:8000', 200],
    // Of a proxy in front, which speaks TLS.
    ['https://127.0.0.1:8000', 200],
  ])('a page of %s is answered with %i', async (origin, status) => {
    const answer = await ask(open, '/redis-cluster/info', ['Host: 127.0.0.1:8000', `Origin: ${origin}`]);
    expect(answer.status).toBe(status);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND'])(
    '%s changes nothing: 405',
    async (verb) => {
      for (const path of ['/redis-cluster/info', '/', '/nowhere', '/events', '/docs']) {
        const answer = await ask(open, path, ['Host: localhost', 'Content-Length: 2', '', '{}'], verb);
        expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
      }
    },
  );

  test('HEAD is a GET without its body', async () => {
    const answer = await ask(open, '/redis-cluster/slots', ['Host: localhost'], 'HEAD');
    expect([answer.status, answer.body]).toEqual([200, '']);
    expect(Number(answer.headers.get('content-length'))).toBeGreaterThan(100);
  });

  test('no answer is kept, framed, or taken for something else', async () => {
    for (const path of ['/', '/redis-cluster/info', '/nowhere', '/docs', '/%zz']) {
      const { headers } = await open.get(path);
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });
});

describe('with a token', () => {
  const basic = (text: string): string => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;
  test.each([
    `Authorization: Bearer ${TOKEN}`,
    `authorization: bearer ${TOKEN}`,
    basic(`anybody:${TOKEN}`),
    basic(`:${TOKEN}`),
  ])('who shows it is answered under any name: %s', async (shown) => {
    for (const path of ['/redis-cluster/info', '/', '/metrics', '/docs', '/openapi.json']) {
      expect((await ask(guarded, path, ['Host: build-machine:8000', shown])).status).toBe(200);
    }
  });

  test.each([
    ['none', 'X: y'],
    ['another', 'Authorization: Bearer another-token-of-16-characters'],
    ['a part of it', `Authorization: Bearer ${TOKEN.slice(0, -1)}`],
    ['more than it', `Authorization: Bearer ${TOKEN}x`],
    ['another case of it', `Authorization: Bearer ${TOKEN.toUpperCase()}`],
    ['nothing', 'Authorization: Bearer '],
    ['no scheme', `Authorization: ${TOKEN}`],
    ['another scheme', `Authorization: Digest ${TOKEN}`],
    ['it as the name', basic(`${TOKEN}:`)],
    ['another password', basic('anybody:another')],
    ['no base64', 'Authorization: Basic %%%'],
  ])('who shows %s gets 401, wherever', async (_, shown) => {
    const paths = [
      '/redis-cluster/info',
      '/',
      '/metrics',
      '/docs',
      '/openapi.json',
      '/events',
      '/readyz',
      '/nowhere',
      '/%zz',
    ];
    for (const path of [
      ...paths,
      '/healthz/',
      '/healthz/../redis-cluster/info',
      '//healthz',
      '/redis-cluster/info?/healthz',
    ]) {
      const answer = await ask(guarded, path, ['Host: localhost', shown]);
      expect([path, answer.status]).toEqual([path, 401]);
      expect(answer.headers.get('www-authenticate')).toMatch(/^Basic realm=/);
      expect(answer.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    }
    expect((await ask(guarded, '/healthz', ['Host: localhost', shown])).status).toBe(200);
  });

  test('it is in no answer', async () => {
    for (const path of [
      '/',
      '/page/app.js',
      '/metrics',
      '/docs',
      '/openapi.json',
      '/redis-cluster/nodes',
      '/nowhere',
    ]) {
      for (const shown of [`Authorization: Bearer ${TOKEN}`, `Authorization: Bearer ${TOKEN}x`]) {
        const answer = await ask(guarded, path, ['Host: localhost', shown]);
        expect(JSON.stringify([...answer.headers, answer.body])).not.toContain(TOKEN);
      }
    }
  });

  test('a foreign page is refused even with it', async () => {
    const headers = ['Host: localhost', 'Origin: http://evil.example', `Authorization: Bearer ${TOKEN}`];
    expect((await ask(guarded, '/redis-cluster/info', headers)).status).toBe(403);
  });
});

describe('serve refuses before anything is opened', () => {
  const refused: [string, readonly string[], RegExp][] = [
    [
      'other addresses without a token',
      ['--host', '0.0.0.0'],
      /others than this machine can reach 0\.0\.0\.0.*\n.*--token-file/s,
    ],
    ['::', ['--host', '::'], /--token-file/],
    ['a port that is none', ['--port', 'http'], /--port takes a number from 0 to 65535, not 'http'/],
    ['a port too high', ['--port', '65536'], /--port takes/],
    ['a negative port', ['--port=-1'], /--port takes/],
    ['a host that is no address', ['--host', 'build-machine'], /--host takes an address/],
    ['a token file that is missing', ['--token-file', '/nowhere/token'], /\/nowhere\/token/],
  ];
  test.each(refused)('%s', async (_, args, says) => {
    const outcome = await stack.run('serve', ...args, '--json');
    expect(outcome.exitCode).toBe(2);
    const { error } = JSON.parse(outcome.stdout) as { error: { code: string; message: string; hint?: string } };
    expect(error.code).toBe('USAGE');
    expect(`${error.message}\n${error.hint ?? ''}`).toMatch(says);
  });

  test.each([
    ['too short', 'short'],
    ['empty', '\n'],
    ['of two lines', `${TOKEN}\n${TOKEN}\n`],
    ['with signs that no header takes', `${TOKEN}é`],
  ])('a token that is %s', async (_, text) => {
    const file = join(stack.folder, 'bad.token');
    writeFileSync(file, text, { mode: 0o600 });
    const outcome = await stack.run('serve', '--token-file', file);
    expect(outcome.exitCode).toBe(2);
    expect(outcome.stderr).toContain('holds no token');
    expect(outcome.stderr).not.toContain(TOKEN);
  });

  test('a token that others may read', async () => {
    const file = join(stack.folder, 'open.token');
    writeFileSync(file, TOKEN, { mode: 0o644 });
    const outcome = await stack.run('serve', '--token-file', file);
    expect([outcome.exitCode, outcome.stderr]).toEqual([1, expect.stringContaining(`chmod 600 ${file}`)]);
  });

  test('an address that is not of this machine', async () => {
    const file = join(stack.folder, 'good.token');
    writeFileSync(file, TOKEN, { mode: 0o600 });
    const outcome = await stack.run('serve', '--host', '192.0.2.1', '--token-file', file);
    expect([outcome.exitCode, outcome.stderr]).toEqual([2, expect.stringContaining('is no address of this machine')]);
  });

  test('a port in use: it names the holder', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const outcome = await stack.run('serve', '--port', String(port));
    holder.close();
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stderr).toMatch(new RegExp(`127\\.0\\.0\\.1:${port} is held by .*\\(process ${process.pid}\\)`));
    expect(outcome.stderr).toContain(`serve --port ${port + 1}`);
  });
});

describe('the end', () => {
  test('who is waiting has the answer first, and streams end', async () => {
    const service = await startService(stack);
    const events = await service.get('/events');
    const reading = events.text();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    // A node that lets them wait for a second: they are all under way when the end is asked for.
    await stack.redis(3, 'CLIENT', 'PAUSE', '1500', 'ALL');
    const asked = Promise.all(Array.from({ length: 20 }, () => service.get('/redis-cluster/nodes')));
    await new Promise((resolve) => setTimeout(resolve, 300));
    // Each turn of the loop takes connections and reads requests, however slow the machine is.
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const stopped = service.stop();
    expect(new Set((await asked).map(({ status }) => status))).toEqual(new Set([200]));
    expect(await reading).toContain('event: hello');
    await stopped;
    await expect(service.get('/healthz')).rejects.toThrow('fetch failed');
  });

  test('half a request, or a reader that does not read, keeps nobody waiting for long', async () => {
    const service = await startService(stack);
    const sockets = ['GET /healthz HT', '\u0000garbage\r\n\r\n', 'GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n'].map(
      (text) => {
        const socket = connect({ host: '127.0.0.1', port: service.port, allowHalfOpen: true });
        socket.on('error', () => undefined);
        socket.write(text);
        return socket.pause();
      },
    );
    await new Promise((resolve) => setTimeout(resolve, 300));
    await service.stop();
    await expect(service.get('/healthz')).rejects.toThrow('fetch failed');
    for (const socket of sockets) socket.destroy();
  });

  test('the commands that it names are for the stack that it was started for, in an answer and on the page', async () => {
    const { child, url } = await serveInProcess();
    const node = dockerOf(stack.engine).getContainer(stack.container(2));
    await node.pause();
    try {
      const command = `npx tsx manage.ts up -f ${stack.file}`;
      const answer = async (): Promise<string> => (await fetch(`${url}/redis-cluster/node/redis-2`)).text();
      await expect.poll(answer, { timeout: 30_000 }).toContain(JSON.stringify(command));
      const events = await fetch(`${url}/events`);
      const reader = events.body?.pipeThrough(new TextDecoderStream()).getReader();
      let told = '';
      while (!told.includes(command)) told += (await reader?.read())?.value ?? '';
      await reader?.cancel();
    } finally {
      await node.unpause();
      try {
        await expect.poll(async () => (await fetch(`${url}/readyz`)).status, { timeout: 60_000 }).toBe(200);
      } finally {
        child.kill();
      }
    }
  });

  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s ends the command with exit code 0, with a browser watching',
    async (signal) => {
      const { child, url } = await serveInProcess();
      const events = await fetch(`${url}/events`);
      const reader = events.body?.getReader();
      await reader?.read();
      expect((await fetch(`${url}/readyz`)).status).toBe(200);
      child.kill(signal);
      const [exitCode] = (await once(child, 'close')) as [number | null];
      // After five seconds it would end as one that was interrupted.
      expect(exitCode).toBe(0);
      await reader?.cancel();
    },
  );
});

/** As its users start it. */
async function serveInProcess(): Promise<{ child: ChildProcess; url: string }> {
  // Without the process that tsx puts before it: that one kills a program which is too busy to hear a signal in 30 ms.
  const args = ['--import', 'tsx', 'manage.ts', 'serve', '--port', '0', '--json', '-f', stack.file];
  const child = spawn(process.execPath, args, { env: stack.env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, url: (JSON.parse(chunk.toString('utf8')) as { url: string }).url };
}

test('told to end, npx takes the service with it; one that a shell has left in the background stays', async () => {
  const npx = `npx tsx manage.ts serve --port 0 --json -f ${stack.file}`;
  const shell = spawn('sh', ['-c', `trap '' HUP; ${npx} & echo $!`], {
    env: stack.env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(shell, 'exit');
  const left = await firstLines(shell, 2);
  const leftPid = Number(left.find((line) => /^\d+$/.test(line)));
  const answers = async (lines: readonly string[]): Promise<boolean> => {
    const { url } = JSON.parse(lines.find((line) => line.startsWith('{')) ?? '{}') as { url: string };
    return fetch(`${url}/healthz`).then(
      ({ ok }) => ok,
      () => false,
    );
  };
  const own = spawn('sh', ['-c', `exec ${npx}`], { env: stack.env, stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    expect(await exited).toEqual([0, null]);
    const lines = await firstLines(own, 1);
    expect(await answers(lines)).toBe(true);
    own.kill('SIGTERM');
    await expect.poll(() => answers(lines), { timeout: 30_000 }).toBe(false);
    // It has looked as often as the other, and longer.
    expect(await answers(left)).toBe(true);
  } finally {
    own.kill('SIGTERM');
    process.kill(leftPid, 'SIGTERM');
  }
  await expect.poll(() => answers(left), { timeout: 30_000 }).toBe(false);
});

async function firstLines({ stdout }: ChildProcess, count: number): Promise<string[]> {
  let text = '';
  for await (const chunk of stdout ?? []) {
    text += String(chunk);
    if (text.split('\n').length > count) break;
  }
  return text.split('\n');
}
