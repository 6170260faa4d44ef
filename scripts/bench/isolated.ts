import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { RedisCluster } from '../../src/index.ts';
import { documentOf, parseOptions, PORTS_PER_NODE } from '../../src/library/options.ts';
import { findPlace } from '../../src/library/place.ts';
import { loadStack } from '../../src/stack/session/load.ts';
import { sideBySide, timed, type Run } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { startAlone } from './support/engine-alone.ts';
import type { Row } from './support/rows.ts';
import { clearStack, type BenchStack } from './support/stacks.ts';

/** An isolated cluster, verified, against what the engine alone needs for the same containers; and four of them at once. */
export async function benchIsolated(bench: Bench): Promise<Row[]> {
  const { image } = bench;
  const ours =
    (count: number): Run =>
    async () => {
      let clusters: RedisCluster[] = [];
      const ms = await timed(async () => {
        clusters = await Promise.all(Array.from({ length: count }, () => RedisCluster.start({ image })));
      });
      await Promise.all(clusters.map((cluster) => cluster.stop()));
      return ms;
    };
  const alone =
    (count: number): Run =>
    async () => {
      const stacks = await Promise.all(Array.from({ length: count }, () => placedStack(bench)));
      const ms = await timed(() => Promise.all(stacks.map((stack) => startAlone(bench, stack))));
      await Promise.all(stacks.map(({ spec }) => clearStack(bench.engine, spec.name)));
      return ms;
    };
  const one = await sideBySide(bench, 'isolated', { engine: alone(1), start: ours(1) });
  const four = await sideBySide(bench, 'four at once', { engine: alone(4), start: ours(4) });
  const target = { type: 'at most times', factor: 1.15 } as const;
  return [
    { part: 'isolated', what: 'RedisCluster.start(), by the engine alone', ours: one.start, other: one.engine, target },
    { part: 'isolated', what: 'four at once, by the engine alone', ours: four.start, other: four.engine, target },
  ];
}

/** Where an isolated cluster would be. */
async function placedStack({ engine, image, folder, stackNames }: Bench): Promise<BenchStack> {
  const choice = parseOptions({ image });
  const name = `bench-${randomBytes(4).toString('hex')}`;
  stackNames.add(name);
  const path = join(folder, `${name}.yaml`);
  const place = await findPlace(engine, choice.nodes * PORTS_PER_NODE);
  const { redis, ...document } = documentOf(name, choice, place);
  await writeFile(path, stringify({ ...document, redis: { ...redis, config: undefined } }));
  return loadStack(path);
}
