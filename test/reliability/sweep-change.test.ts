import { readFileSync, writeFileSync } from 'node:fs';
import { describeSweep } from '../helpers/sweep.ts';
import type { SweptStack } from '../helpers/swept-stack.ts';

/** More memory and another port for a node, or the same back again: the last point left it in one of the two. */
async function changeYaml({ stack: { file, ports }, morePorts }: SweptStack): Promise<void> {
  const changes: readonly (readonly [string, string])[] = [
    [' memory: 128mb', ' memory: 160mb'],
    ['maxmemory: 64mb', 'maxmemory: 80mb'],
    [`plain: ${ports[0] ?? 0},`, `plain: ${morePorts[0]},`],
  ];
  let yaml = readFileSync(file, 'utf8');
  const isChanged = yaml.includes(changes[0]?.[1] ?? '');
  for (const [one, other] of changes) yaml = isChanged ? yaml.replace(other, one) : yaml.replace(one, other);
  writeFileSync(file, yaml);
}

describeSweep({ name: 'up after a change of the YAML file', from: 'up', prepare: changeYaml, command: () => ['up'] });
