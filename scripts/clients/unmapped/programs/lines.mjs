import { createInterface } from 'node:readline';

const { REDIS_CLUSTER_NODES = '', REDIS_PASSWORD: password, REDIS_TLS_CA_FILE: ca } = process.env;

/** `[host, port]` of each entry point, the password, and the CA's file where it is TLS. */
export const nodes = REDIS_CLUSTER_NODES.split(',').map((node) => [node.split(':')[0], Number(node.split(':')[1])]);
export { ca, password };

/** Answers `SET key value` and `GET key` line by line, as `redis-cli` does. */
export async function answerLines(cluster) {
  for await (const line of createInterface({ input: process.stdin })) {
    const [command, key, value] = line.split(' ');
    const answer = command === 'SET' ? cluster.set(key, value) : cluster.get(key);
    console.log(await answer.catch((error) => `ERR ${String(error).replaceAll('\n', ' ')}`));
  }
  process.exit();
}
