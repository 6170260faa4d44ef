/**
 * A network of its own for the clients, in which there is nothing but what this host publishes of the stack: on the engine's own
 * machine the nodes' addresses can be reached, too, and only this shows that a client needs none, whatever it is written in.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Loopback {
  /** The command, in that network. */
  enter(command: readonly string[]): readonly string[];
  close(): Promise<void>;
}

/** In the network: each port leads to a socket that is a file, which networks don't divide. */
const INSIDE = `
const { connect, createServer } = require('node:net');
const [folder, ...ports] = process.argv.slice(1);
for (const port of ports) createServer((near) => {
  const far = connect(folder + '/' + port);
  near.on('error', () => far.destroy()).pipe(far).on('error', () => near.destroy()).pipe(near);
}).listen(port, '0.0.0.0');
process.stdin.on('end', () => process.exit()).resume();
console.log('ready');
`;

export async function openLoopback(ports: readonly number[]): Promise<Loopback> {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  const servers = await Promise.all(ports.map((port) => lead(join(folder, String(port)), port)));
  const script = 'ip link set lo up && exec "$@"';
  const argv = ['--net', '--map-root-user', 'sh', '-c', script, 'sh', process.execPath, '-e', INSIDE, folder];
  const inside = spawn('unshare', [...argv, ...ports.map(String)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await ready(inside);
  return {
    enter: (command) => [
      'nsenter',
      '--target',
      String(inside.pid),
      '--net',
      '--user',
      '--preserve-credentials',
      ...command,
    ],
    close: async () => {
      inside.stdin?.end();
      for (const server of servers) server.close();
      await once(inside, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function lead(path: string, port: number): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    near
      .on('error', () => far.destroy())
      .pipe(far)
      .on('error', () => near.destroy())
      .pipe(near);
  });
  server.listen(path);
  await once(server, 'listening');
  return server;
}

async function ready(inside: ChildProcess): Promise<void> {
  const ended = once(inside, 'exit').then(() => {
    throw new Error('no network of its own: this needs Linux, unshare (util-linux) and ip (iproute2)');
  });
  if (inside.stdout !== null) await Promise.race([once(inside.stdout, 'data'), ended]);
}
