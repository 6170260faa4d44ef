import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import Docker from 'dockerode';
import { poll } from '../../src/poll.ts';
import { removeCgroups } from '../../test/helpers/own-engine.ts';
import { ENGINES, type EngineKind, type EngineName } from './engines.ts';

/** An engine in namespaces of its own: it and its containers never meet the host's. */
export interface GroundEngine {
  /** As DOCKER_HOST writes it. */
  readonly host: string;
  readonly docker: Docker;
  /** `28.5.2`, as the engine says. */
  readonly version: string;
  /** For what belongs to a run; it goes with the engine. */
  readonly folder: string;
  /** The start of a command line that runs where the engine's published ports answer. */
  readonly enter: readonly string[];
  /** Ends everything, and leaves nothing behind. */
  remove(): Promise<void>;
}

const NAMESPACES = ['--net', '--mount', '--pid', '--fork', '--kill-child'];
const TRIAL = `ip link set lo up; mount -t tmpfs tmpfs /mnt; cd /mnt; mkdir lower upper work root
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root`;
const READY_MS = 60_000;

/** Why this machine can't have engines of its own; undefined where it can. */
export function whyNoGrounds(): string | undefined {
  if (process.getuid?.() !== 0) return 'engines of its own need root';
  const tools = ['unshare', 'nsenter', 'pivot_root', 'ip', 'apt-get', 'dpkg-deb'];
  const missing = tools.find((name) => spawnSync('which', [name]).status !== 0);
  if (missing !== undefined) return `no ${missing} on this machine`;
  const { status } = spawnSync('unshare', [...NAMESPACES, 'sh', '-ec', TRIAL], { stdio: 'ignore' });
  return status === 0 ? undefined : 'no namespaces, or no overlays in them, can be made on this machine';
}

/** @param root as `engineRoot` made it */
export async function startEngine(name: EngineName, root: string): Promise<GroundEngine> {
  const { kind, rootless, options = [], env }: EngineKind = ENGINES[name];
  const folder = mkdtempSync(join(tmpdir(), 'ground-'));
  const cgroup = basename(folder);
  const user = rootless === true ? 'rootless' : 'root';
  const script = [join(__dirname, 'engine.sh'), root, folder, kind, user, cgroup, ...options];
  // It ends with this process's end of the pipe, however this process ends.
  const holder = spawn('unshare', [...NAMESPACES, 'sh', ...script], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    // Ctrl-C is for the one who clears away.
    detached: true,
  });
  let said = '';
  holder.stderr.on('data', (chunk) => (said += String(chunk)));
  const ended = once(holder, 'exit');
  const remove = async (): Promise<void> => {
    holder.stdin.end();
    await ended;
    removeCgroups(kind === 'docker' ? cgroup : 'libpod_parent');
    rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
  };
  const socket = join(folder, 'engine.sock');
  const docker = new Docker({ socketPath: socket });
  try {
    await Promise.race([once(holder.stdout, 'data'), ended]);
    const version = await answer(docker);
    const log = join(folder, 'log');
    if (version === undefined || holder.exitCode !== null) {
      throw new Error(
        `${name} doesn't answer\n${said}${existsSync(log) ? readFileSync(log, 'utf8').slice(-4000) : ''}`,
      );
    }
    const first = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, 'utf8').trim();
    return {
      host: `unix://${socket}`,
      docker,
      version,
      folder,
      enter: ['nsenter', `--net=/proc/${first}/ns/net`, '--'],
      remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function answer(docker: Docker): Promise<string | undefined> {
  const { signal } = new AbortController();
  const version = await poll(() => docker.version().catch(() => undefined), Boolean, {
    signal,
    timeoutMs: READY_MS,
    pace: { min: 50 },
  });
  return version?.Version;
}
