import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, readFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bounds } from '../../bounds.ts';
import type { Engine } from '../../engine/engine.ts';
import { StackError, systemErrorCode } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { lookAtProcess } from '../../host/launcher.ts';
import { ownProgram } from '../../host/own-program.ts';
import type { ActionOf } from '../../plan/model/action.ts';
import { addressText } from '../../plan/model/host-ports.ts';
import type { ProxyDefinition, ProxyInfo } from '../../plan/model/observed.ts';
import type { HostPort } from '../../plan/model/resources.ts';
import { poll } from '../../poll.ts';
import { stateFolder } from '../../user-folders.ts';
import { observeEntrances } from '../observe/entrances.ts';
import type { Session } from '../session/session.ts';

type Place = Bounds & { readonly engine: Pick<Engine, 'endpoint'> };
type StackPlace = Place & Pick<Session, 'spec' | 'env'>;

/** A process that runs, and where it listens. */
interface Found {
  readonly pid: number;
  readonly addresses: readonly HostPort[];
}

export async function performOnProxy(
  session: StackPlace,
  action: ActionOf<'start proxy' | 'reload proxy' | 'restart proxy' | 'stop proxy'>,
  wanted: ProxyDefinition | undefined,
): Promise<void> {
  if (action.type === 'stop proxy' || action.type === 'restart proxy') await stopProxyProcess(session, action);
  if (action.type === 'stop proxy' || wanted === undefined) return;
  await (action.type === 'reload proxy'
    ? reloadProxyProcess(session, wanted, action)
    : startProxyProcess(session, wanted));
}

/**
 * Starts this program's own proxy in a session of its own, where no Ctrl-C and no end of a terminal reaches it, and waits
 * until it answers at every address.
 *
 * @throws StackError PROXY_FAILED with its last words
 */
async function startProxyProcess(session: StackPlace, wanted: ProxyDefinition): Promise<void> {
  const child = await spawnProxy(session, wanted);
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  const isServing = async (): Promise<'yes' | 'no' | 'ended'> => {
    const ended = hasEnded();
    const entrances = await observeEntrances(wanted.addresses, session.engine.endpoint);
    const isOurs = ({ digest, version }: ProxyInfo): boolean => digest === wanted.digest && version === wanted.version;
    // Whoever started it: another `up` may have been quicker.
    const all = entrances.every(({ holder }) => typeof holder === 'object' && isOurs(holder));
    return all ? 'yes' : ended ? 'ended' : 'no';
  };
  const end = async (how: string): Promise<StackError> =>
    new StackError('PROXY_FAILED', {
      message: `the proxy at ${addressText(wanted.addresses)} ${how}`,
      details: await lastWords(session),
      hint: hint`${run('up')}   # tries again; or ${run('proxy')}, which shows what it says`,
    });
  try {
    const state = await poll(isServing, (seen) => seen !== 'no', session);
    if (state === 'yes') return;
    throw await end(state === 'ended' ? 'ended at once' : 'does not answer');
  } catch (error) {
    child.kill();
    throw error;
  }
}

/** No password among it: clients log in themselves. */
const ENVIRONMENT =
  /^(PATH|HOME|USER|LOGNAME|TMPDIR|TEMP|TMP|USERPROFILE|APPDATA|SYSTEMROOT|SSH_AUTH_SOCK|CONTAINER_HOST|XDG_\w+|DOCKER_(HOST|CONTEXT|CONFIG|TLS_VERIFY|CERT_PATH|API_VERSION))$/i;

async function spawnProxy(session: StackPlace, { file }: ProxyDefinition): Promise<ChildProcess> {
  const { address, source } = session.engine.endpoint;
  // The very engine that this run has found; what an address doesn't say, the environment does.
  const host = /^(unix|npipe):/.test(address) || source === '--host' ? ['--host', address] : [];
  const { args, folder } = ownProgram();
  const log = await openLog(session);
  try {
    const child = spawn(process.execPath, [...args, PROCESS_COMMAND, '-f', file, ...host], {
      cwd: folder,
      env: Object.fromEntries(Object.entries(session.env).filter(([name]) => ENVIRONMENT.test(name))),
      detached: true,
      stdio: ['ignore', log?.fd ?? 'ignore', log?.fd ?? 'ignore'],
    });
    // Its end tells.
    child.on('error', () => undefined);
    child.unref();
    return child;
  } finally {
    await log?.close();
  }
}

/** What its process is called by: `… proxy-process -f stack.yaml`. */
export const PROCESS_COMMAND = 'proxy-process';

/** Of its last start: it says each kind of trouble once, so that it never grows. undefined where none can be kept. */
async function openLog(session: StackPlace): Promise<FileHandle | undefined> {
  const file = logFile(session);
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    return await open(file, 'w', 0o600);
  } catch {
    return undefined;
  }
}

export function logFile({ spec, env }: Pick<Session, 'spec' | 'env'>): string {
  return join(stateFolder(spec.name, env), 'proxy.log');
}

async function lastWords(session: StackPlace): Promise<string[]> {
  const text = await readFile(logFile(session), 'utf8').catch(() => '');
  return text.split('\n').filter(Boolean).slice(-8);
}

/** Has it read the YAML file again: every connection stays. @throws StackError PROXY_FAILED */
async function reloadProxyProcess(session: StackPlace, wanted: ProxyDefinition, proxy: Found): Promise<void> {
  const before = await findProcess(session, proxy);
  if (before === undefined) return startProxyProcess(session, wanted);
  await signal(before, 'SIGHUP');
  const now = await poll(
    () => findProcess(session, proxy),
    (seen) => seen === undefined || seen.reloads > before.reloads,
    session,
  );
  if (now?.digest === wanted.digest) return;
  const why = now === undefined ? 'it has ended' : now.trouble || 'it serves something else';
  throw new StackError('PROXY_FAILED', {
    message: `the proxy (process ${proxy.pid}) did not take over what is in ${wanted.file}: ${why}`,
    details: await lastWords(session),
    hint: hint`kill ${proxy.pid} && ${run('up')}   # starts it anew; its clients have to connect again`,
  });
}

/** A last resort: it has nothing to write, and closes its ports with it. */
const KILL_AFTER_MS = 5000;

/** Ends the process, and waits until its ports are free. @throws StackError PROXY_FAILED for one that this user can't end */
export async function stopProxyProcess(session: Place, proxy: Found): Promise<void> {
  const look = (): Promise<ProxyInfo | undefined> => findProcess(session, proxy);
  const isGone = (seen: ProxyInfo | undefined): boolean => seen === undefined;
  const info = await look();
  if (info === undefined) return;
  await signal(info, 'SIGTERM');
  if ((await poll(look, isGone, { ...session, timeoutMs: KILL_AFTER_MS })) === undefined) return;
  await signal(info, 'SIGKILL');
  await poll(look, isGone, session);
}

/** What it says at any of its addresses; undefined where it listens at none any more. */
async function findProcess({ engine }: Place, { pid, addresses }: Found): Promise<ProxyInfo | undefined> {
  const entrances = await observeEntrances(addresses, engine.endpoint);
  const holders = entrances.flatMap(({ holder }) => (typeof holder === 'object' ? [holder] : []));
  return holders.find((info) => info.pid === pid);
}

/** Only to a process that is what it says: a number may be one of another machine, behind a forwarded port. */
async function signal({ pid, user, stack }: ProxyInfo, name: NodeJS.Signals): Promise<void> {
  const refused = (why: string, next: string): StackError =>
    new StackError('PROXY_FAILED', { message: `the proxy of ${stack} can't be ended: ${why}`, hint: next });
  const { command } = await lookAtProcess(pid);
  if (!/ proxy(-process)? /.test(`${command} `)) {
    throw refused(`it says that it is process ${pid}, and no process of this number here is a proxy`, `ps -p ${pid}`);
  }
  try {
    process.kill(pid, name);
  } catch (error) {
    const code = systemErrorCode(error);
    // It has ended since.
    if (code === 'ESRCH') return;
    if (code === 'EPERM') throw refused(`process ${pid} belongs to ${user}`, `sudo kill ${pid}`);
    throw error;
  }
}
