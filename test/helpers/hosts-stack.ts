import type { OwnHosts } from './own-engine.ts';
import { makeStack, type TestStack } from './test-stack.ts';

/**
 * A stack on hosts of the test's own, which are called a, b, c and so on; nothing of it is made yet.
 *
 * @param places a letter for each node: `abc` are three primaries, and with `abcbca` each has a replica
 * @param network how its nodes reach each other. With `announce: host` the first node of each host has the same ports, and
 *   so on: 6379, 6390 and 16379, then 6380, 6391 and 16380
 */
export async function makeStackOn(
  hosts: OwnHosts,
  places: string,
  network: 'driver: overlay' | 'announce: host' = 'driver: overlay',
): Promise<TestStack> {
  const stack = await makeStack({ nodeCount: places.length, replicas: places.length > 3 ? 1 : 0 });
  const lines = hosts.all.map(
    ({ host, address }, index) => `  ${HOST_NAMES.charAt(index)}: { engine: "${host}", address: ${address} }\n`,
  );
  stack.edit((yaml) =>
    yaml
      .replace('.0/24 }', `.0/24, ${network} }`)
      .replace('secrets: {', `hosts:\n${lines.join('')}secrets: { shared: secrets,`)
      .replaceAll(/redis-(\d): \{/g, (text, number) => `${text} host: ${places.charAt(Number(number) - 1)},`),
  );
  if (network === 'driver: overlay') return stack;
  stack.edit((yaml) =>
    yaml.replaceAll(/(redis-(\d): .*)ports: .*/g, (_text, before: string, number) => {
      const index = Number(number) - 1;
      const others = Array.from(places.slice(0, index)).filter((place) => place === places.charAt(index)).length;
      return `${before}ports: ${portsText(others)} }`;
    }),
  );
  return stack;
}

/** Of the node behind so many others on its host. */
export function portsText(index: number): string {
  return `{ plain: ${6379 + index}, tls: ${6390 + index}, bus: ${16_379 + index} }`;
}

const HOST_NAMES = 'abcdef';
