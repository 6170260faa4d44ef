import { containerName, LABELS, volumeName } from '../../../src/plan/model/names.ts';
import type { Spec } from '../../../src/spec/spec.ts';
import { waitForCluster } from './answers.ts';
import { runCommand } from './command.ts';
import type { Bench } from './context.ts';
import { clusterCommand, createCommand, published } from './peers.ts';
import { plainPorts, type BenchStack } from './stacks.ts';

/** A shell script: the nodes by `docker run`, side by side, then redis-cli as soon as all answer. */
export async function upWithScript(bench: Bench, stack: BenchStack): Promise<void> {
  await runCommand(bench, ['sh', '-c', scriptText(bench, stack.spec)]);
  await waitForCluster(plainPorts(stack), bench.signal);
}

function scriptText({ image }: Bench, spec: Spec): string {
  const { network, redis } = spec;
  const label = `${LABELS.stack}=${spec.name}`;
  const runs = spec.nodes.map((node) =>
    [
      `docker run -d --name ${containerName(spec.name, node.name)} --label ${label}`,
      `--network ${network.name} --ip ${node.ip} ${published(node)
        .map((port) => `-p ${port}`)
        .join(' ')}`,
      `--mount type=volume,src=${volumeName(spec.name, node.name)},dst=/data,volume-label=${label}`,
      `--memory ${redis.memoryBytes} --memory-swap ${redis.memoryBytes} --cpus ${redis.cpus}`,
      `--restart ${redis.restartPolicy} ${image} ${clusterCommand(spec).join(' ')} &`,
    ].join(' '),
  );
  const waiting = spec.nodes.map(({ ip }) => `until redis-cli -h ${ip} ping; do :; done`).join('; ');
  return `set -e
docker network create --label ${label} --subnet ${network.subnet.text} --gateway ${network.gateway} ${network.name}
${runs.join('\n')}
wait
docker exec ${containerName(spec.name, spec.nodes[0]?.name ?? '')} sh -c '${waiting}; ${createCommand(spec).join(' ')}'
`;
}
