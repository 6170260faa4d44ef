import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { StackError, systemErrorCode } from '../errors.ts';
import type { Hint } from '../hint.ts';

const run = promisify(execFile);

/**
 * Who listens on a TCP port of this machine, at an IPv4 address or on all, like `redis-server (process 4711)`; undefined where that
 * can't be seen.
 *
 * @param address 0.0.0.0 for whoever listens at any
 */
export async function findPortHolder(port: number, address = '0.0.0.0'): Promise<string | undefined> {
  return process.platform === 'linux' ? holderFromProc(port, address) : holderFromLsof(port);
}

/** As messages call a holder that can't be seen. */
export const UNSEEN_HOLDER = 'a process that this user may not look into';

/**
 * Why this process can't listen there; what isn't known is given back as it is.
 *
 * @param ifTaken what to do where somebody else has the port
 */
export async function explainListening(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
  ifTaken: Hint,
): Promise<unknown> {
  const place = `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
  switch (systemErrorCode(error)) {
    case 'EADDRINUSE':
      return new StackError('PORT_TAKEN', {
        message: `${place} is held by ${(await findPortHolder(port)) ?? UNSEEN_HOLDER}`,
        hint: ifTaken,
      });
    case 'EADDRNOTAVAIL':
      return new StackError('USAGE', { message: `${host} is no address of this machine`, hint: 'ip address' });
    case 'EACCES':
      return new StackError('USAGE', { message: `this user may not listen on ${place}`, hint: 'A port above 1023.' });
    default:
      return error;
  }
}

/** proc(5): /proc/net/tcp has port and socket inode; /proc/PID/fd links to `socket:[inode]`. */
async function holderFromProc(port: number, address: string): Promise<string | undefined> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      const listening = '0A';
      const [host = '', hexadecimalPort = ''] = local.split(':');
      if (state === listening && Number.parseInt(hexadecimalPort, 16) === port && includesAddress(host, address))
        inodes.add(`socket:[${inode}]`);
    }
  }
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const folder = `/proc/${pid}/fd`;
    // Processes come and go while this looks, and those of other users can't be looked into.
    const descriptors = await readdir(folder).catch(() => []);
    const links = await Promise.all(descriptors.map((name) => readlink(`${folder}/${name}`).catch(() => '')));
    if (!links.some((target) => inodes.has(target))) continue;
    const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'unknown');
    return `${name.trim()} (process ${pid})`;
  }
  return undefined;
}

/** @param host hexadecimal, with the bytes in the machine's order (little-endian here); all of them are 0 for all addresses */
function includesAddress(host: string, address: string): boolean {
  const bytes = address.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return /^0+$/.test(host) || address === '0.0.0.0' || host.endsWith(bytes.toReversed().join('').toUpperCase());
}

async function holderFromLsof(port: number): Promise<string | undefined> {
  const fields = await run('lsof', ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc']).catch(() => undefined);
  const pid = /^p(\d+)/m.exec(fields?.stdout ?? '')?.[1];
  const name = /^c(.+)/m.exec(fields?.stdout ?? '')?.[1];
  return pid === undefined ? undefined : `${name ?? 'unknown'} (process ${pid})`;
}
