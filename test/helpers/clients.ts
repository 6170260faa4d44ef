import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The browser that the page is looked at with. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether this machine has a program that a test can't do without; where not, the test is skipped, and counted so. */
export function lacks(program: 'redis-cli' | 'openssl' | 'python3-redis' | 'chromium'): boolean {
  if (program === 'chromium') return !existsSync(CHROMIUM);
  const [command, args] =
    program === 'python3-redis' ? ['/usr/bin/python3', ['-c', 'import redis.cluster']] : [program, ['version']];
  const { error, status } = spawnSync(command, args, { stdio: 'ignore' });
  return error !== undefined || (program === 'python3-redis' && status !== 0);
}
