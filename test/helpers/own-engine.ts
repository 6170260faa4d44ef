import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { requireSuccess, startProgram, type Ended, type Program } from './program.ts';
import { dockerOf, testEngine, type TestStack } from './test-stack.ts';

/**
 * An engine of the test's own, that may be stopped and killed. It lives in namespaces of its own: network (its bridges and
 * its rules never meet the host's), mounts, and processes, which all end with the first of them.
 */
export interface OwnEngine {
  /** As DOCKER_HOST writes it. */
  readonly host: string;
  readonly docker: Docker;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** SIGTERM: the engine stops its containers before it ends. SIGKILL: it doesn't. Resolves when it has ended. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Runs a command line where the engine's published ports answer, in a process of its own. */
  program(stack: TestStack, ...args: readonly string[]): Program;
  /** The same to its end; fails the test when that is not exit code 0. */
  must(stack: TestStack, ...args: readonly string[]): Promise<Ended>;
  /** Ends everything, and leaves nothing behind. */
  remove(): Promise<void>;
}

/** Why this machine can't have one; undefined where it can. */
export function whyNoOwnEngine(): string | undefined {
  if (process.getuid?.() !== 0) return 'a second engine needs root';
  const missing = ['unshare', 'nsenter', 'dockerd', 'ip'].find((name) => spawnSync('which', [name]).status !== 0);
  if (missing !== undefined) return `no ${missing} on this machine`;
  const { status } = spawnSync('unshare', [...NAMESPACES, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'no namespaces can be made on this machine';
}

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
const READY_MS = 30_000;
const CGROUPS = '/sys/fs/cgroup';

export async function startOwnEngine(): Promise<OwnEngine> {
  const folder = mkdtempSync(join(tmpdir(), 'own-engine-'));
  const cgroup = folder.split('/').at(-1) ?? '';
  const socket = join(folder, 'docker.sock');
  const log = join(folder, 'dockerd.log');
  const docker = new Docker({ socketPath: socket });
  // The first process of its namespace collects those that lose their parent, and ends with this test's end of the pipe,
  // however the test ends.
  const holder = spawn('unshare', [...NAMESPACES, 'sh', '-c', 'ip link set lo up && echo ready && cat && true'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  await once(holder.stdout, 'data');
  const first = Number(readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim());
  const enter = [`--net=/proc/${first}/ns/net`, `--mount=/proc/${first}/ns/mnt`];
  let daemon: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const output = openSync(log, 'a');
    const args = [...enter, `--pid=/proc/${first}/ns/pid`, '--', 'dockerd'];
    const places = { 'data-root': 'data', 'exec-root': 'exec', pidfile: 'docker.pid' };
    const options = Object.entries(places).map(([name, place]) => `--${name}=${join(folder, place)}`);
    daemon = spawn('nsenter', [...args, ...options, `--host=unix://${socket}`, `--cgroup-parent=/${cgroup}`], {
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(50)) {
      if (await docker.ping().then(Boolean, () => false)) return;
    }
    throw new Error(`the test's own engine doesn't answer\n${readFileSync(log, 'utf8').slice(-4000)}`);
  };
  const stop: OwnEngine['stop'] = async (signal) => {
    const { pid } = daemon ?? {};
    if (daemon === undefined || pid === undefined) return;
    const ended = once(daemon, 'exit');
    // nsenter forks, to be in the namespace of processes, and passes no signal on.
    process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()), signal);
    await ended;
    daemon = undefined;
  };
  const program: OwnEngine['program'] = ({ file, env }, ...args) =>
    startProgram({ file, env: { ...env, DOCKER_HOST: `unix://${socket}` } }, args, [
      'nsenter',
      ...enter.slice(0, 1),
      '--',
    ]);
  const own: OwnEngine = {
    host: `unix://${socket}`,
    docker,
    start,
    stop,
    program,
    must: async (stack, ...args) => requireSuccess(await program(stack, ...args).ended, args.join(' ')),
    remove: async () => {
      const ended = once(holder, 'exit');
      holder.stdin.end();
      await ended;
      removeCgroups(cgroup);
      rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
    },
  };
  try {
    await start();
    const image = await dockerOf(await testEngine())
      .getImage(LOCAL_IMAGE)
      .get();
    await docker.loadImage(image);
    return own;
  } catch (error) {
    await own.remove();
    throw error;
  }
}

/** Containers that ended with their namespace leave theirs, empty. */
export function removeCgroups(name: string): void {
  for (const controller of readdirSync(CGROUPS)) removeFolders(join(CGROUPS, controller, name));
}

function removeFolders(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeFolders(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch {
    // Not there: not every controller has one.
  }
}
