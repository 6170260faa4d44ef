import { containerDefinition, networkDefinition } from '../../../src/plan/model/definitions.ts';
import { waitForAnswers } from './answers.ts';
import type { Bench } from './context.ts';
import type { BenchStack } from './stacks.ts';

/**
 * The least that the engine needs for the same network and containers: everything in parallel, no file written, until
 * each Redis answers on its published port. Containers may be made before their network is; only the start needs it.
 */
export async function startAlone(
  { engine, image, signal }: Pick<Bench, 'engine' | 'image' | 'signal'>,
  stack: Pick<BenchStack, 'spec'>,
  command: readonly string[] = ['redis-server'],
): Promise<void> {
  const { spec } = stack;
  const network = engine.createNetwork(networkDefinition(spec));
  await Promise.all([
    network,
    ...spec.nodes.map(async (node) => {
      const definition = { ...containerDefinition(spec, node, image, ''), command };
      await Promise.all([network, engine.createContainer(definition)]);
      await engine.startContainer(definition.name);
    }),
  ]);
  await waitForAnswers(
    spec.nodes.map(({ bind = spec.redis.bind, ports }) => ({ host: bind, port: ports.plain })),
    signal,
  );
}
