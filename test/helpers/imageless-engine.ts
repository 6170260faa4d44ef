import { createServer, request } from 'node:http';
import { join } from 'node:path';
import type { TestStack } from './test-stack.ts';

/** The stack's engine behind another socket, where it has no image at all. @returns its address, and how to end it */
export function hideImages(stack: TestStack): { address: string; close: () => void } {
  const socketPath = join(stack.folder, 'imageless.sock');
  const server = createServer((incoming, outgoing) => {
    if (incoming.method === 'GET' && /\/images\/.*\/json/.test(incoming.url ?? '')) {
      outgoing.writeHead(404, { 'content-type': 'application/json' }).end('{"message":"No such image"}');
      return;
    }
    const { method, headers, url: path } = incoming;
    const engine = stack.engine.endpoint.address.replace('unix://', '');
    const forwarded = request({ socketPath: engine, method, headers, path }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    forwarded.on('error', () => outgoing.destroy());
    incoming.pipe(forwarded);
  }).listen(socketPath);
  return { address: `unix://${socketPath}`, close: () => server.close() };
}
