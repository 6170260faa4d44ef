import { containerDefinition, networkDefinition } from '../../plan/model/definitions.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import { redisConf } from '../../plan/node/redis-config.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { Wanted } from '../../plan/model/wanted.ts';
import type { LoadedStack } from '../session/load.ts';
import type { ResolvedImage } from './image.ts';

/** What stands in a node's configuration files. */
export function configText({ spec, userConf }: Pick<LoadedStack, 'spec' | 'userConf'>, node: NodeSpec): ConfigText {
  return { redisConf: redisConf(spec, node), userConf };
}

export function wantedOf({ spec, userConf }: LoadedStack, image: ResolvedImage): Wanted {
  return {
    network: networkDefinition(spec),
    containers: new Map(spec.nodes.map((node) => [node.name, containerDefinition(spec, node, image.reference)])),
    config: new Map(spec.nodes.map((node) => [node.name, configText({ spec, userConf }, node)])),
    imageId: image.id,
    isStandIn: image.isStandIn,
  };
}
