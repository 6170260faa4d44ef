import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Route } from '../plan/engine/route-conflict.ts';

const run = promisify(execFile);

/** The IPv4 routes of this machine; none where they can't be read. */
export async function listRoutes(): Promise<Route[]> {
  if (process.platform === 'linux') return parseProcRoutes(await readFile('/proc/net/route', 'utf8').catch(() => ''));
  if (process.platform !== 'darwin') return [];
  const answer = await run('netstat', ['-rn', '-f', 'inet']).catch(() => undefined);
  return parseNetstat(answer?.stdout ?? '');
}

/** proc(5), /proc/net/route: addresses are hexadecimal, with the bytes in the machine's order (little-endian here). */
export function parseProcRoutes(text: string): Route[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [interfaceName, destination = '', , flags = '', , , , mask = ''] = line
        .split('\t')
        .map((one) => one.trim());
      const bits = Number.parseInt(flags, 16);
      // A route that refuses leads nowhere: nobody misses what is behind it.
      if (interfaceName === undefined || (bits & RTF_UP) === 0 || (bits & RTF_REJECT) !== 0) return [];
      const prefix = bytesOf(mask).reduce((count, byte) => count + byte.toString(2).replaceAll('0', '').length, 0);
      return [{ subnet: `${bytesOf(destination).join('.')}/${prefix}`, interfaceName }];
    });
}

const RTF_UP = 0x1;
const RTF_REJECT = 0x200;

function bytesOf(hexadecimal: string): number[] {
  return [6, 4, 2, 0].map((start) => Number.parseInt(hexadecimal.slice(start, start + 2), 16));
}

/** netstat(1) of BSD leaves out zeros at the end, and a mask that the number of bytes tells: `10`, `172.16/12`, `192.168.1`. */
export function parseNetstat(text: string): Route[] {
  return text.split('\n').flatMap((line) => {
    const [destination = '', , , interfaceName] = line.trim().split(/\s+/);
    const [address = '', prefix] = destination.split('/');
    if (interfaceName === undefined || !/^\d{1,3}(\.\d{1,3}){0,3}$/.test(address)) return [];
    const bytes = address.split('.');
    const padded = [...bytes, '0', '0', '0'].slice(0, 4).join('.');
    return [{ subnet: `${padded}/${prefix ?? bytes.length * 8}`, interfaceName }];
  });
}
