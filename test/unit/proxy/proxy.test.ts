/** The proxy before a node that the test plays itself. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, expect, test } from 'vitest';
import { hasCode } from '../../../src/errors.ts';
import { askProxy } from '../../../src/proxy/opening.ts';
import { startProxy, type Proxy } from '../../../src/proxy/proxy.ts';
import { failureOf } from '../../helpers/builders.ts';
import { command } from '../../helpers/resp-streams.ts';
import { freePorts } from '../../helpers/test-stack.ts';

const HOST = '127.0.0.1';
const open: { proxies: Proxy[]; servers: Server[]; sockets: Set<Socket> } = {
  proxies: [],
  servers: [],
  sockets: new Set(),
};

afterEach(async () => {
  for (const proxy of open.proxies.splice(0)) await proxy.close();
  for (const socket of open.sockets) socket.destroy();
  for (const server of open.servers.splice(0)) server.close();
});

async function playNode(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  open.servers.push(server);
  server.listen(0, HOST);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** @returns the port at which its clients come in */
async function proxyTo(upstream: number): Promise<{ port: number; proxy: Proxy; said: string[] }> {
  const [port = 0] = await freePorts(1);
  const said: string[] = [];
  const nodes = [
    {
      name: 'redis-1',
      announced: { ip: '10.1.2.11', plain: 6379, tls: 6380 },
      listen: { host: HOST, plain: port },
      upstream: { host: HOST, plain: upstream },
    },
  ];
  const proxy = await startProxy({ nodes, info: () => ({ name: 'test' }), report: (line) => said.push(line) });
  open.proxies.push(proxy);
  return { port, proxy, said };
}

function client(port: number): Socket {
  const socket = connect({ host: HOST, port, allowHalfOpen: true });
  open.sockets.add(socket);
  return socket;
}

/** What the connection ends with. */
const endOf = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
    socket.on('end', () => resolve('end'));
    socket.resume();
  });

test('a client that has said all gets the rest of its replies', async () => {
  const node = await playNode((socket) => {
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.on('end', () => socket.end(`+heard ${heard.length}\r\n-MOVED 1 10.1.2.11:6379\r\n`));
  });
  const { port } = await proxyTo(node);
  const socket = client(port);
  socket.end(command('QUIT'));
  expect(await text(socket)).toBe(`+heard 14\r\n-MOVED 1 ${HOST}:${port}\r\n`);
});

test('a node that can’t be reached, and one that vanishes in the middle of a reply: the client’s connection ends', async () => {
  const [nobody = 0] = await freePorts(1);
  const dead = client((await proxyTo(nobody)).port);
  dead.write(command('PING'));
  expect(['ECONNRESET', 'end']).toContain(await endOf(dead));
  // One that says nothing is no exception.
  expect(['ECONNRESET', 'end']).toContain(await endOf(client((await proxyTo(nobody)).port)));

  const node = await playNode((socket) => {
    socket.once('data', () => socket.write('$100\r\nhalf', () => socket.resetAndDestroy()));
  });
  const cut = client((await proxyTo(node)).port);
  cut.write(command('GET', 'k'));
  // Node.js sends the end before the reset: the client sees whichever it reads first.
  expect(['ECONNRESET', 'end']).toContain(await endOf(cut));
});

test('half a frame and silence cost nothing; garbage reaches the node, and its answer comes back', async () => {
  const node = await playNode((socket) => {
    socket.once('data', (chunk) => socket.end(`-ERR Protocol error: ${chunk.length} bytes\r\n`));
  });
  const { port, proxy } = await proxyTo(node);
  const silent = client(port);
  silent.write('*2\r\n$5\r\nPRO');
  const garbage = client(port);
  garbage.write('*1\r\n:nonsense\u0000\r\n');
  expect(await text(garbage)).toBe('-ERR Protocol error: 16 bytes\r\n');
  garbage.end();
  await expect.poll(() => proxy.counters.connections, { timeout: 30_000 }).toBe(1);
  silent.end();
  expect(await text(silent)).toBe('-ERR Protocol error: 11 bytes\r\n');
});

test('what one side does not take is not read from the other', async () => {
  let written = 0;
  const part = Buffer.alloc(1024 * 1024, 'x');
  const node = await playNode((socket) => {
    const more = (): void => {
      do written += part.length;
      while (socket.write(part));
    };
    socket.write(`$${1024 ** 3}\r\n`);
    socket.on('drain', more);
    more();
  });
  const { port } = await proxyTo(node);
  const socket = client(port);
  socket.write(command('GET', 'large'));
  await once(socket, 'data');
  socket.pause();
  let before = -1;
  // The kernel's buffers are full when no more is written.
  await expect.poll(() => before === (before = written), { interval: 300, timeout: 20_000 }).toBe(true);
  expect(written).toBeLessThan(64 * 1024 * 1024);
});

test('1,000 connections at once', async () => {
  const node = await playNode((socket) => void socket.on('data', () => socket.write('+PONG\r\n')));
  const { port, proxy } = await proxyTo(node);
  const pongs = Array.from({ length: 1000 }, async () => {
    const socket = client(port);
    socket.write(command('PING'));
    const [pong] = (await once(socket, 'data')) as [Buffer];
    return pong.toString();
  });
  expect(new Set(await Promise.all(pongs))).toEqual(new Set(['+PONG\r\n']));
  expect(proxy.counters).toMatchObject({ connections: 1000, accepted: 1000 });
});

test('the proxy says who it is, and no node hears of it; all others are something else', async () => {
  const heard: string[] = [];
  const node = await playNode((socket) => {
    socket.on('data', (chunk) => {
      heard.push(chunk.toString());
      socket.write("-ERR unknown command 'PROXY'\r\n");
    });
  });
  const [nobody = 0] = await freePorts(1);
  const { port } = await proxyTo(node);
  const ask = (at: number, timeoutMs = 5000): ReturnType<typeof askProxy> =>
    askProxy({ host: HOST, port: at }, { timeoutMs });
  expect(await ask(port)).toMatchObject({ name: 'test', connections: 0 });
  expect(await ask((await proxyTo(nobody)).port)).toMatchObject({ name: 'test' });
  const bytewise = client(port);
  bytewise.setNoDelay(true);
  for (const letter of 'proxy info\r\n') {
    bytewise.write(letter);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await text(bytewise)).toContain('"name":"test"');
  expect(heard).toEqual([]);
  expect(await ask(node)).toBe('something else');
  expect(await ask(nobody)).toBe('nothing listens');
  expect(await ask(await playNode((socket) => void socket.resume()), 1000)).toBe('something else');
  expect(await ask(await playNode((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')))).toBe(
    'something else',
  );
  expect(await ask(await playNode((socket) => void socket.end('$2\r\n{}')))).toBe('something else');
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(askProxy({ host: HOST, port: node }, { timeoutMs: 5000, signal })).rejects.toThrow('enough');
});

test('other nodes at run time: ports open and close, and a port that is taken changes nothing', async () => {
  const node = await playNode((socket) => void socket.on('data', () => socket.write('-MOVED 1 10.1.2.12:6380\r\n')));
  const { port, proxy } = await proxyTo(node);
  const [other = 0] = await freePorts(1);
  const upstream = { host: HOST, plain: node };
  const inside = { plain: 6379, tls: 6380 };
  const first = {
    name: 'redis-1',
    announced: { ...inside, ip: '10.1.2.11' },
    listen: { host: HOST, plain: port },
    upstream,
  };
  const second = {
    name: 'redis-2',
    announced: { ...inside, ip: '10.1.2.12' },
    listen: { host: HOST, plain: other },
    upstream,
  };
  const reply = async (at: number): Promise<string> => {
    const socket = client(at);
    socket.write(command('GET', 'k'));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    return chunk.toString();
  };
  expect(await reply(port)).toBe('-MOVED 1 10.1.2.12:6380\r\n');
  await proxy.reload([first, second]);
  expect(await reply(port)).toBe(`-MOVED 1 ${HOST}:${other}\r\n`);
  expect(await reply(other)).toBe(`-MOVED 1 ${HOST}:${other}\r\n`);
  const taken = await failureOf(() => proxy.reload([first, { ...second, listen: { host: HOST, plain: node } }]));
  expect(hasCode(taken, 'PORT_TAKEN')).toBe(true);
  expect(String(taken)).toContain(`${HOST}:${node} is held by node (process ${process.pid})`);
  expect(await reply(other)).toBe(`-MOVED 1 ${HOST}:${other}\r\n`);
  await proxy.reload([second]);
  expect(await endOf(client(port))).toBe('ECONNREFUSED');
});
