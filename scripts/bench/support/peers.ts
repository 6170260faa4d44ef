import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { containerName, LABELS } from '../../../src/plan/model/names.ts';
import { CONTAINER_PORTS } from '../../../src/spec/ports.ts';
import type { NodeSpec, Spec } from '../../../src/spec/spec.ts';
import { waitForAnswers, waitForCluster } from './answers.ts';
import { runCommand } from './command.ts';
import type { Bench } from './context.ts';
import { plainPorts, type BenchStack } from './stacks.ts';

/** Other ways to the same nodes. They carry our label, so that they are cleared away as a stack of ours is. */

/** As in our redis.conf, without a password. */
export function clusterCommand({ redis }: Spec): string[] {
  const limits = ['--maxmemory', String(redis.maxmemoryBytes), '--maxmemory-policy', redis.maxmemoryPolicy];
  const cluster = ['--cluster-node-timeout', String(redis.nodeTimeoutMs), '--cluster-require-full-coverage', 'no'];
  const server = ['redis-server', '--cluster-enabled', 'yes', '--protected-mode', 'no', '--appendonly', 'yes'];
  return [...server, ...limits, ...cluster];
}

export function createCommand({ nodes, redis }: Spec): [string, ...string[]] {
  const addresses = nodes.map(({ ip }) => `${ip}:${CONTAINER_PORTS.plain}`);
  const options = ['--cluster-replicas', String(redis.replicas), '--cluster-yes'];
  return ['redis-cli', '--cluster', 'create', ...addresses, ...options];
}

/** `redis-cli --cluster create` in the first container, until all nodes say `ok`. */
export async function formWithRedisCli(bench: Bench, stack: BenchStack): Promise<void> {
  const first = containerName(stack.spec.name, stack.spec.nodes[0]?.name ?? '');
  await runCommand(bench, ['docker', 'exec', first, ...createCommand(stack.spec)]);
  await waitForCluster(plainPorts(stack), bench.signal);
}

/** docker-compose with the same nodes: `up -d`, `down`. */
export async function runCompose(
  bench: Bench,
  { spec }: BenchStack,
  compose: readonly string[],
  words: readonly string[],
  more: object = {},
): Promise<void> {
  const [program = 'docker-compose', ...args] = compose;
  const file = join(bench.folder, `${spec.name}.compose.yaml`);
  await writeFile(file, composeText(bench, spec, more));
  await runCommand(bench, [program, ...args, '-p', spec.name, '-f', file, ...words]);
}

/** docker-compose, then redis-cli as soon as all nodes answer: no sleep anywhere. */
export async function upWithCompose(bench: Bench, stack: BenchStack, compose: readonly string[]): Promise<void> {
  await runCompose(bench, stack, compose, ['up', '-d']);
  await waitForAnswers(plainPorts(stack), bench.signal);
  await formWithRedisCli(bench, stack);
}

/** The reference document's own way: an init service with its fixed sleeps. */
export async function upWithDocument(bench: Bench, stack: BenchStack, compose: readonly string[]): Promise<void> {
  const { spec } = stack;
  const init = {
    image: bench.image,
    container_name: `${spec.name}-redis-cluster-init`,
    depends_on: spec.nodes.map(({ name }) => name),
    // Compose takes $ for a variable of its own.
    command: ['sh', '-c', documentScript(spec).replaceAll('$', '$$$$')],
    networks: [spec.network.name],
    labels: { [LABELS.stack]: spec.name },
    // The image declares a volume there, which nobody would remove.
    tmpfs: ['/data'],
  };
  await runCompose(bench, stack, compose, ['up', '-d'], { 'redis-cluster-init': init });
  await waitForCluster(plainPorts(stack), bench.signal);
}

function documentScript(spec: Spec): string {
  return `set -e
echo "Waiting for Redis nodes to start..."
sleep 10
for ip in ${spec.nodes.map(({ ip }) => ip).join(' ')}; do
  until redis-cli -h $ip ping > /dev/null 2>&1; do
    echo "Waiting for Redis node $ip..."
    sleep 2
  done
  echo "Redis node $ip is ready"
done
${createCommand(spec).join(' ')}
`;
}

function composeText({ image }: Bench, spec: Spec, more: object): string {
  const { network, redis } = spec;
  const labels = { [LABELS.stack]: spec.name };
  const service = (node: NodeSpec): object => ({
    image,
    container_name: containerName(spec.name, node.name),
    command: clusterCommand(spec),
    networks: { [network.name]: { ipv4_address: node.ip } },
    ports: published(node),
    volumes: [`${node.name}-data:/data`],
    mem_limit: redis.memoryBytes,
    cpus: redis.cpus,
    restart: redis.restartPolicy,
    labels,
  });
  const document = {
    version: '2.4',
    networks: {
      [network.name]: { labels, ipam: { config: [{ subnet: network.subnet.text, gateway: network.gateway }] } },
    },
    volumes: Object.fromEntries(spec.nodes.map(({ name }) => [`${name}-data`, { labels }])),
    services: { ...Object.fromEntries(spec.nodes.map((node) => [node.name, service(node)])), ...more },
  };
  // docker-compose 1 reads YAML 1.1, in which a bare yes is a boolean.
  return stringify(document, { version: '1.1' });
}

export function published({ ports }: NodeSpec): string[] {
  return (['plain', 'tls'] as const).map((kind) => `127.0.0.1:${ports[kind]}:${CONTAINER_PORTS[kind]}`);
}
