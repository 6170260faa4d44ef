import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { newGate, type FaultLine } from './fault-line.ts';
import { connectPast } from './redirect-ports.ts';
import { commandText, endOfMessage, isRead, newSplitter, parseCommand, type RawCommand } from './resp.ts';

export interface RedisProxy {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** What the client gets for a command: the node's reply, or one of the test's. */
interface Expected {
  readonly injected?: Buffer;
  /** In place of passing on the node's reply. */
  readonly onReply?: () => void;
}

/** Stands between the program and a node's published port, and does to a mutating command what the fault line says. */
export async function startRedisProxy(node: string, nodePort: number, line: FaultLine): Promise<RedisProxy> {
  const gate = newGate();
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connectPast(nodePort);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.once('close', () => sockets.delete(socket));
    }
    connectBoth(client, upstream);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');

  function connectBoth(client: Socket, upstream: Socket): void {
    const expected: Expected[] = [];
    const commands = newSplitter(endOfMessage);
    const replies = newSplitter(endOfMessage);
    let passing = Promise.resolve();
    let isCut = false;

    const answer = (): void => {
      for (let next = expected[0]; next?.injected !== undefined; next = expected[0]) {
        client.write(next.injected);
        expected.shift();
      }
    };
    /** What was passed on before is carried out. */
    const cut = (): void => {
      isCut = true;
      client.destroy();
      upstream.end();
    };
    const pass = ({ bytes }: RawCommand, onReply?: () => void): void => {
      expected.push(onReply === undefined ? {} : { onReply });
      upstream.write(bytes);
    };
    const handle = async (command: RawCommand): Promise<void> => {
      await gate.passed();
      if (isCut) return;
      const fault = isRead(command.words) ? undefined : line.meet(`${node}: ${commandText(command.words)}`);
      switch (fault) {
        case 'kill before':
          line.kill();
          return cut();
        case 'drop before':
          return cut();
        case 'kill after':
          isCut = true;
          return pass(command, () => {
            line.kill();
            cut();
          });
        case 'drop after':
          isCut = true;
          return pass(command, cut);
        case 'error':
          expected.push({ injected: Buffer.from('-ERR injected by the test\r\n') });
          return answer();
        case 'stall':
          gate.stall();
          await gate.passed();
          return pass(command);
        case undefined:
          return pass(command);
      }
    };

    client.on('data', (chunk) => {
      for (const bytes of commands.take(chunk)) passing = passing.then(() => handle(parseCommand(bytes)));
    });
    upstream.on('data', (chunk) => {
      for (const reply of replies.take(chunk)) {
        const next = expected.shift();
        if (next?.onReply !== undefined) next.onReply();
        else if (client.writable) client.write(reply);
        answer();
      }
    });
    // A client that is gone may have left commands behind it.
    const endAfterAll = (): void => void (passing = passing.then(() => void upstream.end()));
    client.on('end', endAfterAll).on('close', endAfterAll);
    client.on('error', () => undefined);
    upstream.on('error', () => client.resetAndDestroy());
    upstream.on('end', () => {
      upstream.end();
      client.end();
    });
    upstream.on('close', () => client.destroy());
  }

  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
