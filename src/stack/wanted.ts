import { containerDefinition, networkDefinition } from '../plan/definitions.ts';
import type { Wanted } from '../plan/plan-up.ts';
import type { LoadedStack } from './load.ts';
import type { ResolvedImage } from './image.ts';

export function wantedOf({ spec, userConf }: LoadedStack, image: ResolvedImage): Wanted {
  return {
    network: networkDefinition(spec),
    containers: new Map(
      spec.nodes.map((node) => [node.name, containerDefinition(spec, node, image.reference, userConf)]),
    ),
    imageId: image.id,
    isStandIn: image.isStandIn,
  };
}
