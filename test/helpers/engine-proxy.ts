import { createServer, request as sendRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';
import { newGate, type FaultLine } from './fault-line.ts';

export interface EngineProxy {
  readonly close: () => Promise<void>;
}

/** Stands between the program and the engine's socket, and does to a mutating call what the fault line says. */
export async function startEngineProxy(
  socketPath: string,
  engineSocket: string,
  line: FaultLine,
  /** For what a test may not do to the engine under its real name. */
  rewrite = (url: string): string => url,
): Promise<EngineProxy> {
  const gate = newGate();
  const server = createServer((request, response) => {
    // A client that was killed in the middle of its request: there is nobody to tell.
    handle(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 0;
  server.listen(socketPath);
  await once(server, 'listening');

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? 'GET';
    const isMutating = method !== 'GET' && method !== 'HEAD';
    // Whole, so that the engine can get it after its client has gone.
    const body = isMutating ? await buffer(request) : undefined;
    await gate.passed();
    const fault = isMutating ? line.meet(`engine: ${method} ${pathOf(request)}`) : undefined;
    switch (fault) {
      case 'kill before':
        line.kill();
        request.socket.destroy();
        return;
      case 'drop before':
        request.socket.destroy();
        return;
      case 'error':
        response.writeHead(500, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ message: 'injected by the test' }));
        return;
      case 'stall':
        gate.stall();
        await gate.passed();
        break;
      case 'kill after':
      case 'drop after':
      case undefined:
    }
    const answer = await passOn(request, response, body);
    if (fault === 'kill after' || fault === 'drop after') {
      await buffer(answer);
      if (fault === 'kill after') line.kill();
      request.socket.destroy();
      return;
    }
    if (response.destroyed) {
      answer.resume();
      return;
    }
    const { connection: _connection, ...headers } = answer.headers;
    response.writeHead(answer.statusCode ?? 500, headers);
    answer.pipe(response);
  }

  function passOn(request: IncomingMessage, response: ServerResponse, body?: Buffer): Promise<IncomingMessage> {
    const { connection: _connection, 'transfer-encoding': _encoding, ...headers } = request.headers;
    const { method = 'GET' } = request;
    const sized = body === undefined ? headers : { ...headers, 'content-length': String(body.length) };
    return new Promise((resolve, reject) => {
      const passed = sendRequest({
        socketPath: engineSocket,
        agent: false,
        method,
        path: rewrite(request.url ?? '/'),
        headers: sized,
      });
      passed.once('response', resolve);
      passed.once('error', reject);
      passed.end(body);
      // Nobody reads it any longer. A change that has reached the engine goes on.
      if (body === undefined) response.once('close', () => passed.destroy());
    });
  }

  return {
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Without the version, the query and long ids. */
function pathOf({ url = '' }: IncomingMessage): string {
  const path = url.split('?')[0] ?? '';
  const name = /[?&]name=([^&]+)/.exec(url)?.[1];
  return `${path.replace(/^\/v[\d.]+/, '')}${name === undefined ? '' : ` ${name}`}`;
}
