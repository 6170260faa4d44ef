import { containerName } from '../../../src/plan/model/names.ts';
import { PASSWORD_FILE } from '../../../src/plan/node/redis-config.ts';
import { connectionArguments } from '../../../src/plan/model/definitions.ts';
import { peerKind } from '../../../src/spec/ports.ts';
import { runCommand } from './command.ts';
import type { Bench } from './context.ts';
import type { BenchStack } from './stacks.ts';

/** A million keys, ten at a time, on a machine that others use too. */
const TIMEOUT_MS = 600_000;

/**
 * `redis-cli --cluster COMMAND` in a container of a stack that we brought up, a number of times. The password goes from the
 * container's file into that one process's environment.
 *
 * @returns what it wrote to stdout
 */
export async function runClusterManager(
  bench: Bench,
  { spec }: BenchStack,
  node: string,
  [command, ...options]: readonly [string, ...string[]],
  { times = 1 }: { times?: number } = {},
): Promise<string> {
  // Keys go over TLS where the bus is encrypted, and to the port that redis-cli has found.
  const movesKeys = command !== 'check' && spec.tls.cluster;
  const connection = movesKeys ? connectionArguments({ tls: { ...spec.tls, plain: false } }).join(' ') : '';
  const script = `export REDISCLI_AUTH="$(cat ${PASSWORD_FILE})"; for time in $(seq ${times}); do ${bench.server}-cli ${connection} --cluster "$@" || exit 1; done`;
  // Not 127.0.0.1: redis-cli would give it to the other nodes as the address to send this node's keys to.
  const announced = spec.nodes.find(({ name }) => name === node)?.announced;
  const port = announced?.[movesKeys ? peerKind(spec) : 'plain'] ?? 0;
  const args = [command, `${announced?.ip ?? ''}:${port}`, ...options];
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
