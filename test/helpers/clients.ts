import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dockerOf, type TestStack } from './test-stack.ts';

/** The browser that the page is looked at with. */
export const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** Whether this machine has a program that a test can't do without; where not, the test is skipped, and counted so. */
export function lacks(
  program: 'redis-cli' | 'openssl' | 'chromium' | 'bash' | 'zsh' | 'fish' | keyof typeof MODULES,
): boolean {
  if (program === 'chromium') return !existsSync(CHROMIUM);
  const module = Object.entries(MODULES).find(([name]) => name === program)?.[1];
  const [command = '', ...args] = module ?? [program, '--version'];
  const { error, status } = spawnSync(command, args, { stdio: 'ignore' });
  return error !== undefined || (module !== undefined && status !== 0);
}

/** Those that a language loads, by the names of Debian's packages: what succeeds where it can. */
const MODULES = {
  'python3-redis': ['/usr/bin/python3', '-c', 'import redis.cluster'],
  'python3-dotenv': ['/usr/bin/python3', '-c', 'import dotenv'],
  'php-redis': ['php', '-r', "exit(extension_loaded('redis') ? 0 : 1);"],
  'php-predis': ['php', '-r', "require 'Predis/autoload.php';"],
  'ruby-redis': ['ruby', '-r', 'redis', '-e', ''],
} as const;

/** Whether a program of this machine can be run in the network of a container. */
export const CAN_ENTER =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('nsenter', ['--version'], { stdio: 'ignore' }).status === 0;

/**
 * The command in the network of a stack's first node: there the nodes' addresses can be reached, and nothing that this host
 * publishes. From the host's own network, no test goes to a node's address.
 */
export async function inNetworkOf(stack: TestStack, command: readonly string[]): Promise<string[]> {
  const { State } = await dockerOf(stack.engine).getContainer(stack.container(1)).inspect();
  return ['nsenter', `--net=/proc/${State.Pid}/ns/net`, ...command];
}

/** On the engine's own machine the nodes' addresses can be reached, too: only this shows that a client needs none. */
export const ONLY_LOOPBACK_NODE = `
import { Socket } from 'node:net';
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...args) {
  const { host, path } = [args[0]].flat()[0];
  if (path === undefined && host !== '127.0.0.1') throw new Error('connects to ' + host);
  return connect.apply(this, args);
};
`;
/** Runs the Python program that its argument names, in the same way. */
export const RUN_PYTHON = `
import inspect, runpy, socket, sys
import redis.cluster
from redis.cluster import ClusterNode, RedisCluster

connect = socket.socket.connect
def only_loopback(self, address):
    if address[0] != "127.0.0.1": sys.exit(f"connects to {address}")
    connect(self, address)
socket.socket.connect = only_loopback

# Debian's version 4.3 has no address_remap yet.
if "address_remap" not in inspect.signature(RedisCluster.__init__).parameters:
    node, cluster = ClusterNode.__init__, RedisCluster.__init__
    def with_remap(self, *rest, address_remap, **named):
        def mapped(self, host, port, *rest, **named): node(self, *address_remap((host, int(port))), *rest, **named)
        ClusterNode.__init__ = mapped
        cluster(self, *rest, **named)
    RedisCluster.__init__ = with_remap

sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
`;
