import type { ActionType } from '../../plan/model/action.ts';
import type { Snapshot } from '../../plan/model/snapshot.ts';
import type { Desired } from '../../plan/scene.ts';
import type { KeyInSlot } from '../../redis/slots/key-move.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { NodeCertificate } from '../connect/issuer.ts';
import type { Nodes } from '../connect/with-nodes.ts';
import type { Session } from '../session/session.ts';

/** What handlers work with: what should be, what was seen, and the nodes. */
export interface Execution {
  readonly session: Session;
  readonly desired: Desired;
  readonly seen: Snapshot;
  readonly nodes: Nodes;
  /** Which every node is to have; made where there is none. */
  readonly password: () => Secret;
  /** undefined where TLS is off. */
  readonly certificateOf: (node: NodeSpec) => Promise<NodeCertificate | undefined>;
}

/** What an action has found out that the next plan depends on. */
export interface Outcome {
  readonly movedKeys?: number;
  /** Keys that are on two nodes with different values: their slots are left as they were. */
  readonly conflicts?: readonly KeyConflict[];
}

export interface KeyConflict {
  /** Whose copy stays, as the slot's owner. */
  readonly keeper: string;
  readonly other: string;
  readonly keys: readonly KeyInSlot[];
}

/** What is not as it was seen any more once an action is done, and is looked at again. The cluster is, each time. */
export const TOUCHES: Readonly<Record<ActionType, 'engine' | 'nodes' | undefined>> = {
  'create network': 'engine',
  'remove network': 'engine',
  'create container': 'engine',
  'update container': 'engine',
  'disconnect container': 'engine',
  'connect container': 'engine',
  'configure container': 'engine',
  'configure and seed container': 'engine',
  'start container': 'engine',
  'start container to save keys': 'engine',
  'unpause container': 'engine',
  'stop container': 'engine',
  'restart container': 'engine',
  'remove container': 'engine',
  'remove half-made volume': 'engine',
  'remove volume': 'engine',
  'start proxy': 'engine',
  'reload proxy': 'engine',
  'restart proxy': 'engine',
  'stop proxy': 'engine',
  'save keys': 'nodes',
  'save dump': undefined,
  'accept password': 'nodes',
  'send password': 'nodes',
  'drop other passwords': 'nodes',
  'renew certificate': 'nodes',
  'renew certificate and restart': 'engine',
  'set config': 'nodes',
  'write configuration': 'engine',
  'take over': undefined,
  forget: undefined,
  meet: undefined,
  'add slots': undefined,
  replicate: undefined,
  'bump epoch': undefined,
  'forget owner': undefined,
  'restore node table': 'engine',
  'repair slots': undefined,
  'move slots': undefined,
  'reset node': undefined,
  'remove node': 'engine',
  'fail over': undefined,
};
