import { join } from 'node:path';
import { canRun, ROOT, runCommand } from './command.ts';
import type { Bench } from './context.ts';
import { startService, type Service } from './service.ts';
import type { BenchStack } from './stacks.ts';

/** A stack that is up, and the state folder with its password. */
export interface ServedStack extends BenchStack {
  readonly stateFolder: string;
}

export interface FastApi {
  readonly python: string;
  readonly connection: NodeJS.ProcessEnv;
}

/** As a user types it. */
const TYPED = ['npx', 'tsx'] as const;
/** The same in one process, whose figures can be read. */
const ALONE = [process.execPath, '--import', 'tsx'] as const;

/** Our inspection API. */
export function startOurs(
  bench: Bench,
  { path, stateFolder }: ServedStack,
  { typed = false }: { typed?: boolean } = {},
): Promise<Service> {
  const command = [...(typed ? TYPED : ALONE), 'manage.ts', 'serve', '--port', '0', '--json', '-f', path] as const;
  const env = { XDG_STATE_HOME: stateFolder, DOCKER_HOST: bench.engine.endpoint.address };
  return startService(bench, command, env, (output) => /\{"url":\s*"([^"]+)"\}/.exec(output)?.[1]);
}

/**
 * The same with FastAPI: one worker, as ours is, and no access log, as ours has none. Where uvloop and httptools are
 * installed, uvicorn takes them.
 */
export function startFastApi(bench: Bench, { python, connection }: FastApi): Promise<Service> {
  const folder = join(ROOT, 'scripts/bench/fastapi');
  const options = ['--app-dir', folder, '--port', '0', '--workers', '1', '--no-access-log', '--no-use-colors'];
  const env = { ...connection, PYTHONDONTWRITEBYTECODE: '1' };
  return startService(
    bench,
    [python, '-m', 'uvicorn', 'app:app', ...options],
    env,
    (output) => /running on (http:\S+)/.exec(output)?.[1],
  );
}

/** What `env --map` prints: where the nodes are from this host, and in which file the password is. */
export async function connectionOf(bench: Bench, { path, stateFolder }: ServedStack): Promise<NodeJS.ProcessEnv> {
  const command = ['npx', 'tsx', 'manage.ts', 'env', '--map', '--json', '-f', path] as const;
  return JSON.parse(await runCommand(bench, command, { XDG_STATE_HOME: stateFolder })) as NodeJS.ProcessEnv;
}

/** Another than the system's Python: `BENCH_PYTHON=/path/of/a/venv/bin/python`. */
export async function findPython(bench: Bench): Promise<string | undefined> {
  const named = process.env['BENCH_PYTHON'];
  for (const python of named === undefined ? ['python3', '/usr/bin/python3'] : [named]) {
    if (await canRun(bench, [python, '-c', 'import fastapi, uvicorn, redis.asyncio'])) return python;
  }
  return undefined;
}

/** `Python 3.11.2, FastAPI 0.92.0, …`, and whether what makes it faster is there. */
export async function describePython(bench: Bench, python: string): Promise<string> {
  const script = `
import sys, importlib.util, fastapi, uvicorn, redis, pydantic
there = [name for name in ("uvloop", "httptools", "hiredis") if importlib.util.find_spec(name)]
print(f"Python {sys.version.split()[0]}, FastAPI {fastapi.__version__}, pydantic {pydantic.VERSION},"
      f" uvicorn {uvicorn.__version__} ({', '.join(there) or 'nothing compiled'}), redis-py {redis.__version__}")`;
  return (await runCommand(bench, [python, '-c', script])).trim();
}
