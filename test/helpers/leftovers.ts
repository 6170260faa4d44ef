import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { LABELS } from '../../src/plan/model/names.ts';
import { processesOf } from './processes.ts';
import type { TestStack } from './test-stack.ts';

/** What there is of a stack, and where: on the engine, in its own folder, among the processes. */
export async function findAllOf({ engine, name, folder }: TestStack): Promise<string[]> {
  const isOurs = (one: { name: string; labels: Readonly<Record<string, string>> }): boolean =>
    one.labels[LABELS.stack] === name || one.name.startsWith(name);
  const [containers, networks, volumes] = await Promise.all([
    engine.listContainers(),
    engine.listNetworks(),
    engine.listVolumes(),
  ]);
  const named = (kind: string, all: readonly Parameters<typeof isOurs>[0][]): string[] =>
    all.filter(isOurs).map((one) => `${kind} ${one.name.replace(name, 'STACK')}`);
  const files = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: 'utf8' })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => `file ${join(entry.parentPath, entry.name).replace(folder, '').replaceAll(name, 'STACK')}`);
  return [
    ...named('container', containers),
    ...named('network', networks),
    ...named('volume', volumes),
    ...files,
    ...processesOf(folder).map((pid) => `process ${pid}`),
  ].toSorted();
}
