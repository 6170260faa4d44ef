import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { inTime, Refusal } from '../../../src/redis/connect-node.ts';
import { NodeLink } from '../../../src/redis/node-link.ts';
import { Secret } from '../../../src/secret.ts';
import { endOfMessage, newSplitter, parseCommand } from '../../helpers/resp.ts';

test('a node that nobody can connect to has refused nothing: it did not answer', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const link = new NodeLink({ name: 'redis-1', host: '127.0.0.1', port, tls: undefined }, [
    async () => new Secret('x'),
  ]);
  const failure = { code: 'NODE_DISCONNECTED', message: 'redis-1 did not answer CLUSTER FORGET: ECONNREFUSED' };
  await expect(link.send('CLUSTER', 'FORGET')).rejects.toMatchObject(failure);
  await expect(link.sendAll([['CLUSTER', 'FORGET']])).rejects.toMatchObject(failure);
});

test('a process that was kept from working takes the reply that has come meanwhile', async () => {
  let answer: () => void = () => undefined;
  const isAnswered = new Promise<void>((resolve) => (answer = resolve));
  const server = createServer((peer) => peer.once('data', () => peer.write('+PONG\r\n', answer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const socket = connect({ host: '127.0.0.1', port });
  await once(socket, 'connect');
  const reply = once(socket.pause(), 'data').then(String);
  socket.write('PING\r\n');
  await isAnswered;
  const inBusyProcess = inTime(reply, 20);
  socket.resume();
  for (const until = performance.now() + 50; performance.now() < until;);
  expect(await inBusyProcess).toBe('+PONG\r\n');
  await expect(inTime(new Promise(() => undefined), 20)).rejects.toThrow('Command timed out');
  socket.destroy();
  server.close();
});

test('what is sent side by side goes over several connections, and each command gets its own reply', async () => {
  const counts: number[] = [];
  const server = createServer((socket) => {
    const { take } = newSplitter(endOfMessage);
    const at = counts.push(0) - 1;
    socket.on('data', (chunk: Buffer) => {
      for (const message of take(chunk)) {
        const [name, word] = parseCommand(message).words.map(String);
        if (name === 'ECHO') counts[at] = (counts[at] ?? 0) + 1;
        socket.write(word === '13' ? '-ERR no 13\r\n' : `+${name === 'ECHO' ? (word ?? '') : 'OK'}\r\n`);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const link = new NodeLink({ name: 'redis-1', host: '127.0.0.1', port, tls: undefined }, [
    async () => new Secret('x'),
  ]);
  const numbers = Array.from({ length: 20 }, (_, index) => index);
  const replies = await link.sendSideBySide(numbers.map((number) => ['ECHO', number]));
  expect(replies.map((reply) => (reply instanceof Refusal ? reply.message : String(reply)))).toEqual(
    numbers.map((number) => (number === 13 ? 'ERR no 13' : String(number))),
  );
  expect([counts.length, Math.max(...counts)]).toEqual([8, 3]);
  link.close();
  await new Promise((resolve) => server.close(resolve));
});
