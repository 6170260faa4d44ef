import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { Agent } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import { errorMessage } from '../errors.ts';

type Options = Docker.DockerOptions & { readonly agent?: Agent };

/** The options as dockerode understands them. */
export function withTransport(options: Options): Options {
  const { protocol, host, port, username } = options;
  if (typeof host !== 'string' || host === '') return options;
  // dockerode's own ssh builds a URL that Node.js is about to refuse, and checks no host key. Over ours it speaks HTTP.
  if (protocol === 'ssh') {
    return {
      protocol: 'http',
      host: 'http://docker',
      port: 80,
      agent: new SshAgent(sshArguments(host, port, username)),
    };
  }
  // Of a bare IPv6 address it takes the beginning for a scheme.
  return { ...options, host: `${protocol}://${host.includes(':') ? `[${host}]` : host}` };
}

/** As the docker command line calls it. What isn't given is for the user's own ssh configuration, as are keys and aliases. */
export function sshArguments(host: string, port: string | number | undefined, username: string | undefined): string[] {
  const user = username === undefined ? [] : ['-l', username];
  const at = port === undefined ? [] : ['-p', String(port)];
  return ['-T', '-o', 'ConnectTimeout=30', ...user, ...at, '--', host, 'docker', 'system', 'dial-stdio'];
}

/** Of an error whose message says what ssh said. */
export const SSH_FAILED = 'ESSH';

/** Each login takes a while, and sshd drops some of those that log in at the same moment, where they are more than ten. */
const MOST_CONNECTIONS = 4;
/** A container that is started, a log that is followed: nobody waits for the end of these to get a connection, and no ping does. */
const LONG_CALL_MS = 3000;

/** Each connection to the engine is an ssh of its own, which serves one call after the other. */
class SshAgent extends Agent {
  readonly #args: readonly string[];

  constructor(args: readonly string[]) {
    super({ keepAlive: true, maxSockets: MOST_CONNECTIONS });
    this.#args = args;
  }

  override createConnection(): Duplex {
    return new SshStream(this.#args);
  }
}

/** What an agent asks of a socket: that it keeps no process alive while it is idle. */
class SshStream extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;
  #timer: NodeJS.Timeout | undefined;

  constructor(args: readonly string[]) {
    super({ allowHalfOpen: false });
    const child = spawn('ssh', args, { stdio: 'pipe' });
    this.#child = child;
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1000)));
    child.stdout.on('data', (chunk) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    const end = (why: string | undefined): void => {
      if (why === undefined) this.push(null);
      // It ends with what matters: before that, a changed host key has fifteen lines of its own.
      else this.destroy(Object.assign(new Error(`ssh: ${why.trim().split(/\r?\n/).at(-1)}`), { code: SSH_FAILED }));
    };
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => end(errorMessage(error)));
    child.once('close', (exitCode) => end(exitCode === 0 ? undefined : said || `ended with ${exitCode ?? 'a signal'}`));
    this.ref();
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: unknown, encoding: BufferEncoding, done: () => void): void {
    // Where ssh has ended already: why is told at its end.
    this.#child.stdin.write(chunk, encoding, () => done());
  }

  override _final(done: () => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#child.kill();
    done(error);
  }

  /** A call begins. */
  ref(): void {
    this.#hold('ref');
    this.#timer = setTimeout(() => {
      this.emit('agentRemove');
      this.once('free', () => this.destroy());
    }, LONG_CALL_MS).unref();
  }

  /** It has ended. */
  unref(): void {
    clearTimeout(this.#timer);
    this.#hold('unref');
  }

  #hold(how: 'ref' | 'unref'): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const one of [this.#child, stdin, stdout, stderr])
      if (one instanceof Socket || one === this.#child) one[how]();
  }

  // There is no other end that could fall silent unnoticed: ssh looks after it.
  setKeepAlive(): void {}
  setNoDelay(): void {}
  setTimeout(): void {}
}
