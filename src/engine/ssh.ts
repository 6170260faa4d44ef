import { spawn } from 'node:child_process';
import { Agent } from 'node:http';
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

/** Each connection to the engine is an ssh of its own. */
class SshAgent extends Agent {
  readonly #args: readonly string[];

  constructor(args: readonly string[]) {
    super({ keepAlive: false });
    this.#args = args;
  }

  override createConnection(): Duplex {
    const child = spawn('ssh', this.#args, { stdio: 'pipe' });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-1000)));
    const stream = new Duplex({
      read: () => void child.stdout.resume(),
      // Where ssh has ended already: why is told at its end.
      write: (chunk, encoding, done) => void child.stdin.write(chunk, encoding, () => done()),
      final: (done) => void child.stdin.end(() => done()),
      destroy: (error, done) => {
        child.kill();
        done(error);
      },
    });
    child.stdout.on('data', (chunk) => {
      if (!stream.push(chunk)) child.stdout.pause();
    });
    const end = (why: string | undefined): void => {
      if (why === undefined) stream.push(null);
      else stream.destroy(Object.assign(new Error(`ssh: ${why.trim()}`), { code: SSH_FAILED }));
    };
    child.stdin.on('error', () => undefined);
    child.once('error', (error) => end(errorMessage(error)));
    child.once('close', (exitCode) => end(exitCode === 0 ? undefined : said || `ended with ${exitCode ?? 'a signal'}`));
    return stream;
  }
}
