import { proxyDefinition } from '../../plan/model/host-ports.ts';
import { containerDefinition, networkDefinition } from '../../plan/model/definitions.ts';
import type { Wish, Desired } from '../../plan/scene.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import { refusesPlainBus } from '../../plan/model/server.ts';
import { redisConf } from '../../plan/node/redis-config.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { LoadedStack } from '../session/load.ts';
import type { ResolvedImage } from './image.ts';
import { version } from '../../version.ts';

/** What stands in a node's configuration files. */
export function configText({ spec, userConf }: Pick<LoadedStack, 'spec' | 'userConf'>, node: NodeSpec): ConfigText {
  return { redisConf: redisConf(spec, node), userConf };
}

/** What should be, by the YAML file; without an image, for who only works on what is there. */
export function desiredOf({ spec: said, userConf, path }: LoadedStack, image?: ResolvedImage, wish?: Wish): Desired {
  const { reference, id, isStandIn } = image ?? { reference: said.redis.image, id: '', isStandIn: false };
  const isPlainBusRefused = image?.answer !== undefined && refusesPlainBus(image.answer);
  const spec = { ...said, tls: { ...said.tls, isPlainBusRefused } };
  const program = image?.answer?.program ?? image?.server;
  const wanted = {
    network: networkDefinition(spec),
    containers: new Map(
      spec.nodes.map((node) => [node.name, containerDefinition(spec, node, reference, path, program)]),
    ),
    config: new Map(spec.nodes.map((node) => [node.name, configText({ spec, userConf }, node)])),
    proxy: proxyDefinition(spec, { version: version(), file: path }),
    imageId: id,
    server: image?.answer,
    isStandIn,
  };
  return wish === undefined ? { spec, wanted } : { spec, wanted, wish };
}
