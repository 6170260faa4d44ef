import { containerName } from '../../../src/plan/names.ts';
import { PASSWORD_FILE } from '../../../src/plan/redis-config.ts';
import { runCommand } from './command.ts';
import type { Bench } from './context.ts';
import type { BenchStack } from './stacks.ts';

/** A million keys, ten at a time, on a machine that others use too. */
const TIMEOUT_MS = 600_000;

/**
 * `redis-cli --cluster …` in a container of a stack that we brought up. The password goes from the container's file into
 * that one process's environment.
 *
 * @returns what it wrote to stdout
 */
export async function runClusterManager(
  bench: Bench,
  { spec }: BenchStack,
  node: string,
  args: readonly string[],
): Promise<string> {
  const script = `REDISCLI_AUTH="$(cat ${PASSWORD_FILE})" exec redis-cli --cluster "$@"`;
  const container = containerName(spec.name, node);
  try {
    return await runCommand(bench, ['docker', 'exec', container, 'sh', '-c', script, 'sh', ...args], {}, TIMEOUT_MS);
  } catch (error) {
    bench.signal.throwIfAborted();
    // A node that died in the middle says more than redis-cli, which only lost a connection.
    bench.note(`the containers of ${spec.name}:\n${await fates(bench, spec.name, spec.nodes)}`);
    throw error;
  }
}

async function fates(bench: Bench, stack: string, nodes: readonly { readonly name: string }[]): Promise<string> {
  const format =
    '{{.Name}} {{.State.Status}}, exit code {{.State.ExitCode}}, out of memory {{.State.OOMKilled}}, restarts {{.RestartCount}}';
  const names = nodes.map(({ name }) => containerName(stack, name));
  return runCommand(bench, ['docker', 'inspect', '-f', format, ...names]).catch(() => 'not all of them are there');
}
