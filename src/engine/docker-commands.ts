import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import { detailsAnswer, execAnswer, understood } from './docker-answers.ts';
import { unlessMissing, type Calls } from './docker-calls.ts';
import type { Engine, ExecStreams } from './engine.ts';

/** Commands that run in containers. */
export function containerCommands(
  docker: Docker,
  { attempt, bounded, look }: Calls,
): Pick<Engine, 'execInteractive' | 'hold' | 'isHeld' | 'readCommand'> {
  return {
    execInteractive: (name, command, streams) =>
      attempt(`run a command in ${name}`, () => execInteractive(docker, name, command, streams)),
    hold: (name, until) => attempt(`hold ${name}`, () => holdOpen(docker, name, until)),
    isHeld: (name) =>
      look(`see who holds ${name}`, async () => (await unlessMissing(() => isHeldOpen(docker, name))) === true),
    readCommand: (name, command) =>
      bounded(`run ${command[0] ?? ''} in ${name}`, () => readCommand(docker, name, command)),
  };
}

/** On a terminal the command gets one too, of the same size; otherwise its stdout and stderr stay apart. */
async function execInteractive(
  docker: Docker,
  name: string,
  command: readonly string[],
  { stdin, stdout, stderr }: ExecStreams,
): Promise<number> {
  const terminal = stdin.isTTY && stdout.isTTY;
  const exec = await docker.getContainer(name).exec({
    Cmd: [...command],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: terminal,
    ...(terminal ? { Env: [`TERM=${process.env['TERM'] ?? 'xterm'}`] } : {}),
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: terminal });

  const resize = (): void => {
    // A resize that comes as the command ends finds no process: there is nothing left to resize.
    exec.resize({ h: stdout.rows, w: stdout.columns }).catch(() => undefined);
  };
  if (terminal) {
    stdin.setRawMode(true);
    stdout.on('resize', resize);
    resize();
    stream.pipe(stdout, { end: false });
  } else {
    docker.modem.demuxStream(stream, stdout, stderr);
  }
  stdin.pipe(stream);
  try {
    await endOf(stream);
  } finally {
    stdin.unpipe(stream);
    stdin.pause();
    if (terminal) {
      stdin.setRawMode(false);
      stdout.off('resize', resize);
    }
  }
  const { ExitCode } = await exec.inspect();
  return ExitCode ?? 1;
}

function endOf(stream: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('end', resolve);
    stream.on('close', resolve);
    stream.on('error', reject);
  });
}

/** No stdin, no terminal; what it writes to stderr is left out. */
async function readCommand(docker: Docker, name: string, command: readonly string[]): Promise<string> {
  const exec = await docker
    .getContainer(name)
    .exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true, Tty: false });
  const stream = await exec.start({ hijack: true, stdin: false });
  const [output, errors] = [new PassThrough(), new PassThrough()];
  errors.resume();
  docker.modem.demuxStream(stream, output, errors);
  stream.on('end', () => output.end());
  stream.on('error', (error) => output.destroy(error));
  return text(output);
}

/** A shell that waits for a line that never comes: it ends with the connection to it. Each image has a shell, for its health check. */
const HOLDING = ['sh', '-c', 'read -r owner'] as const;

function isHolding(ran: { readonly entrypoint: string; readonly arguments: readonly string[] }): boolean {
  return [ran.entrypoint, ...ran.arguments].join(' ') === HOLDING.join(' ');
}

/** Resolves when the command has ended: the container has, or `signal` is aborted. */
async function holdOpen(docker: Docker, name: string, signal: AbortSignal): Promise<void> {
  const exec = await docker
    .getContainer(name)
    .exec({ Cmd: [...HOLDING], AttachStdin: true, AttachStdout: true, AttachStderr: false });
  const stream = await exec.start({ hijack: true, stdin: true });
  stream.resume();
  const end = (): void => void stream.destroy();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    await endOf(stream);
  } finally {
    signal.removeEventListener('abort', end);
  }
}

async function isHeldOpen(docker: Docker, name: string): Promise<boolean> {
  const { ExecIDs } = understood(detailsAnswer, await docker.getContainer(name).inspect());
  const commands = await Promise.all(
    ExecIDs.map((id) => unlessMissing(async () => understood(execAnswer, await docker.getExec(id).inspect()))),
  );
  return commands.some((found) => found?.Running === true && isHolding(found.ProcessConfig));
}
