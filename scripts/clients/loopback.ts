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
const [folder, ...doors] = process.argv.slice(1);
for (const door of doors) createServer((near) => {
  const far = connect(folder + '/' + door);
  near.on('error', () => far.destroy()).pipe(far).on('error', () => near.destroy()).pipe(near);
}).listen(door.split(':')[1], door.split(':')[0]);
process.stdin.on('end', () => process.exit()).resume();
console.log('ready');
`;

/** A port that the host publishes at one of its loopback addresses, and the address at which it is found inside. */
export interface Door {
  readonly port: number;
  readonly published?: string;
  /** All of 127.0.0.0/8 where it isn't said. */
  readonly inside?: string;
}

export async function openLoopback(doors: readonly Door[]): Promise<Loopback> {
  const folder = mkdtempSync(join(tmpdir(), 'clients-'));
  const named = doors.map(({ port, published = '127.0.0.1', inside = '0.0.0.0' }) => {
    return { port, published, name: `${inside}:${port}` };
  });
  const servers = await Promise.all(
    named.map(({ name, port, published }) => lead(join(folder, name), port, published)),
  );
  const script = 'ip link set lo up && exec "$@"';
  const argv = ['--net', '--map-root-user', 'sh', '-c', script, 'sh', process.execPath, '-e', INSIDE, folder];
  const child = spawn('unshare', [...argv, ...named.map(({ name }) => name)], { stdio: ['pipe', 'pipe', 'inherit'] });
  await ready(child);
  return {
    enter: (command) => [
      'nsenter',
      '--target',
      String(child.pid),
      '--net',
      '--user',
      '--preserve-credentials',
      ...command,
    ],
    close: async () => {
      child.stdin?.end();
      for (const server of servers) server.close();
      await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function lead(path: string, port: number, host: string): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(port, host);
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

async function ready(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit').then(() => {
    throw new Error('no network of its own: this needs Linux, unshare (util-linux) and ip (iproute2)');
  });
  if (child.stdout !== null) await Promise.race([once(child.stdout, 'data'), ended]);
}
