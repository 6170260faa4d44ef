import { homedir, userInfo } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { StackError } from './errors.ts';

type XdgVariable = 'XDG_STATE_HOME' | 'XDG_CACHE_HOME' | 'XDG_CONFIG_HOME' | 'XDG_RUNTIME_DIR';

/** Where a stack's password and certificate authority are kept: outside any checkout, so that all of them share it. */
export function stateFolder(stack: string, env: NodeJS.ProcessEnv): string {
  const state = xdgFolder('XDG_STATE_HOME', env) ?? join(homeFolder(env), '.local', 'state');
  return join(state, 'redis-cluster-as-code', stack);
}

/** What can be found out again: nobody misses it. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const cache = xdgFolder('XDG_CACHE_HOME', env) ?? join(homeFolder(env), '.cache');
  return join(cache, 'redis-cluster-as-code');
}

/** Beside what is kept of a stack that was made for one process: whose it is, see `src/host/owner.ts`. */
export const OWNER_FILE = 'owner';

/** "If an implementation encounters a relative path …, it should consider the path invalid and ignore it." (XDG base directories) */
export function xdgFolder(variable: XdgVariable, env: NodeJS.ProcessEnv): string | undefined {
  return absolute(env[variable]);
}

/** HOME where it is absolute: a relative one would be another folder wherever the program is called. @throws StackError USAGE */
export function homeFolder(env: NodeJS.ProcessEnv): string {
  try {
    return absolute(env['HOME']) ?? absolute(homedir()) ?? userInfo().homedir;
  } catch (error) {
    throw new StackError('USAGE', {
      message: 'this user has no home folder: HOME names none, and the system knows of none',
      hint: 'export HOME=/a/folder/of/yours',
      cause: error,
    });
  }
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}
