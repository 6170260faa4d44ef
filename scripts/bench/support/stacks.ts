import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Engine } from '../../../src/engine/engine.ts';
import { LABELS } from '../../../src/plan/model/names.ts';
import type { ProgressEvent, Session } from '../../../src/stack/session/session.ts';
import { sessionOf } from '../../../src/stack/session/open.ts';
import { openSource } from '../../../src/stack/session/source.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import type { Spec } from '../../../src/spec/spec.ts';
import { LONGEST_WAIT_MS, type Bench } from './context.ts';
import { freePorts, freeSubnetBase } from './free.ts';

export interface BenchStack {
  readonly spec: Spec;
  /** The YAML file. */
  readonly path: string;
}

export interface StackShape {
  readonly nodeCount: number;
  readonly replicas: number;
  readonly memory: keyof typeof MEMORY;
  /** TLS for clients alone. */
  readonly hasPlainBus?: boolean;
}

const MEMORY = {
  /** Many nodes on a small machine get little each. */
  little: { memory: '64mb', maxmemory: '32mb' },
  usual: {},
  /** Nothing is to be evicted. */
  much: { memory: '2gb', maxmemory: '1500mb' },
} as const;

export const DEFAULT_SHAPE: StackShape = { nodeCount: 3, replicas: 0, memory: 'usual' };
const reservedSubnets = new Set<string>();

/** A stack with a subnet and host ports of its own, as a YAML file. What an earlier run left of it is removed. */
export async function prepareStack(bench: Bench, name: string, shape = DEFAULT_SHAPE): Promise<BenchStack> {
  await clearStack(bench.engine, name);
  bench.stackNames.add(name);
  const base = await freeSubnetBase(bench.engine, reservedSubnets);
  reservedSubnets.add(base);
  const path = join(bench.folder, `${name}.yaml`);
  const text = await stackText(bench, name, base, shape);
  await writeFile(path, text);
  const result = parseSpec(text);
  if ('problems' in result) throw new Error(`the spec of ${name}: ${JSON.stringify(result.problems)}`);
  return { spec: result.spec, path };
}

async function stackText(
  { image }: Bench,
  name: string,
  base: string,
  { nodeCount, replicas, memory, hasPlainBus = false }: StackShape,
): Promise<string> {
  const ports = await freePorts(nodeCount * 2);
  const nodes = Array.from({ length: nodeCount }, (_, index): [string, object] => {
    const [plain, tls] = ports.slice(index * 2);
    return [`redis-${index + 1}`, { ip: `${base}.0.${index + 11}`, ports: { plain, tls } }];
  });
  return stringify({
    name,
    network: { name: `${name}-network`, subnet: `${base}.0.0/16` },
    redis: {
      image,
      replicas,
      ...MEMORY[memory],
      nodes: Object.fromEntries(nodes),
    },
    tls: hasPlainBus ? { cluster: false } : {},
  });
}

/** A session as the command line would make it, with a state folder in which no password has ever been. */
export async function openSession(
  bench: Bench,
  { spec, path }: BenchStack,
  report: (event: ProgressEvent) => void = () => undefined,
): Promise<Session> {
  const { engine, signal } = bench;
  const env = { XDG_STATE_HOME: await freshStateFolder(bench) };
  const stack = { spec, path, userConf: '' };
  const surroundings = { report, env, signal, timeoutMs: LONGEST_WAIT_MS };
  return sessionOf(stack, openSource(stack, surroundings), engine, surroundings);
}

export function freshStateFolder({ folder }: Bench): Promise<string> {
  return mkdtemp(join(folder, 'state-'));
}

export function plainPorts({ spec }: BenchStack): number[] {
  return spec.nodes.map(({ ports }) => ports.plain);
}

/** Removes all that carries the stack's label, its data too: containers first, for they hold the rest. */
export async function clearStack(engine: Engine, name: string): Promise<void> {
  const isOurs = ({ labels }: { labels: Readonly<Record<string, string>> }): boolean => labels[LABELS.stack] === name;
  const containers = (await engine.listContainers()).filter(isOurs);
  await Promise.all(containers.map((container) => engine.removeContainer(container.name)));
  const [networks, volumes] = await Promise.all([engine.listNetworks(), engine.listVolumes()]);
  await Promise.all([
    ...networks.filter(isOurs).map((network) => engine.removeNetwork(network.name)),
    ...volumes.filter(isOurs).map((volume) => engine.removeVolume(volume.name)),
  ]);
}
