import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The browser that the page is looked at with. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether this machine has a program that a test can't do without; where not, the test is skipped, and counted so. */
export function lacks(program: 'redis-cli' | 'openssl' | 'python3-redis' | 'python3-dotenv' | 'chromium'): boolean {
  if (program === 'chromium') return !existsSync(CHROMIUM);
  const module = PYTHON_MODULES.get(program);
  const [command, args] =
    module === undefined ? [program, ['version']] : ['/usr/bin/python3', ['-c', `import ${module}`]];
  const { error, status } = spawnSync(command, args, { stdio: 'ignore' });
  return error !== undefined || (module !== undefined && status !== 0);
}

const PYTHON_MODULES = new Map([
  ['python3-redis', 'redis.cluster'],
  ['python3-dotenv', 'dotenv'],
]);
