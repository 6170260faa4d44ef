/**
 * Leads this process's connections to ports of this host to other ports, where a proxy listens. A child process loads it
 * before the program, with `--import`, and takes the ports from its environment.
 */
import { Socket, type SocketConnectOpts } from 'node:net';

export const REDIRECTED_PORTS = 'REDIRECTED_PORTS';

const redirected = new Map<number, number>();

/** What `net.connect` passes on, whatever form its arguments had: the options in front, in one list. */
type Connect = (this: Socket, args: readonly unknown[] | SocketConnectOpts, ...others: readonly unknown[]) => Socket;
// eslint-disable-next-line typescript/unbound-method -- it is called with its own `this` below
const connect = Socket.prototype.connect as Connect;

Socket.prototype.connect = function (this: Socket, args: Parameters<Connect>[0], ...others: readonly unknown[]) {
  const options = (Array.isArray(args) ? args[0] : args) as { port?: number; host?: string } | undefined;
  const port = redirected.get(Number(options?.port));
  if (port === undefined) return connect.call(this, args, ...others);
  const changed = { ...options, port } as SocketConnectOpts;
  if (!Array.isArray(args)) return connect.call(this, changed, ...others);
  // The list carries a mark of Node's own, so it stays the same list.
  args[0] = changed;
  return connect.call(this, args, ...others);
} as typeof Socket.prototype.connect;

export function redirectPort(from: number, to: number): void {
  redirected.set(from, to);
}

export function endRedirect(from: number): void {
  redirected.delete(from);
}

/** A connection to the port itself. */
export function connectPast(port: number): Socket {
  return connect.call(new Socket({ allowHalfOpen: true }), { host: '127.0.0.1', port });
}

/** As a child process takes it: `20000:41234,20003:41235`. */
export function redirectionText(ports: ReadonlyMap<number, number>): string {
  return [...ports].map(([from, to]) => `${from}:${to}`).join(',');
}

for (const pair of (process.env[REDIRECTED_PORTS] ?? '').split(',').filter(Boolean)) {
  const [from, to] = pair.split(':').map(Number);
  if (from !== undefined && to !== undefined) redirectPort(from, to);
}
