import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where a stack's password and certificate authority are kept: outside any checkout, so that all of them share it. */
export function stateFolder(stack: string, env: NodeJS.ProcessEnv): string {
  const state = env['XDG_STATE_HOME'] || join(homeFolder(env), '.local', 'state');
  return join(state, 'redis-cluster-as-code', stack);
}

export function homeFolder(env: NodeJS.ProcessEnv): string {
  return env['HOME'] || homedir();
}
