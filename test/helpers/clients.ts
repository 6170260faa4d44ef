import { spawnSync } from 'node:child_process';

/** Whether this machine has a program that a test can't do without; where not, the test is skipped, and counted so. */
export function lacks(program: 'redis-cli' | 'openssl' | 'python3-redis'): boolean {
  const [command, args] =
    program === 'python3-redis' ? ['/usr/bin/python3', ['-c', 'import redis.cluster']] : [program, ['version']];
  const { error, status } = spawnSync(command, args, { stdio: 'ignore' });
  return error !== undefined || (program === 'python3-redis' && status !== 0);
}
