import type { ConfigText } from '../node/config-drift.ts';
import type { ContainerDefinition, NetworkDefinition } from './resources.ts';

/** What the engine should hold. `containers` is keyed by node name. */
export interface Wanted {
  readonly network: NetworkDefinition;
  readonly containers: ReadonlyMap<string, ContainerDefinition>;
  /** Node name → its configuration. */
  readonly config: ReadonlyMap<string, ConfigText>;
  readonly imageId: string;
  /** The local image stands in for the one that the YAML file names. */
  readonly isStandIn: boolean;
}
