import type { NodeSpec, Spec } from '../spec/spec.ts';
import type { Conflict } from './engine/conflicts.ts';
import type { Move } from './engine/places.ts';
import type { Action } from './model/action.ts';
import type { Wanted } from './model/observed.ts';
import type { Snapshot } from './model/snapshot.ts';

/** What should be. */
export interface Desired {
  readonly spec: Spec;
  readonly wanted: Wanted;
  /** undefined: everything. */
  readonly wish?: Wish;
  /** Nobody has asked for anything: see `Upkeep`. */
  readonly upkeep?: Upkeep;
}

/** Not what the YAML file says, but a cluster that is whole. */
export interface Wish {
  /** Nodes that are restarted before, all at once or one at a time. */
  readonly restart?: { readonly nodes: readonly string[]; readonly isRolling: boolean };
  /** Also what no client would notice: epochs, replicas in the wrong place. Whoever asks for it waits by rules of its own. */
  readonly isRepair?: boolean;
}

/**
 * How much of a plan is carried out unasked, by who watches over a stack. `all`: whatever brings back what has failed or
 * gone, and ends nobody who runs. `starts`: no more than a restart policy would do.
 */
export type Upkeep = 'all' | 'starts';

export interface Next {
  /** What stands in the way: nothing is done before it is gone. */
  readonly conflicts: readonly Conflict[];
  /** The actions of the first phase that has work. */
  readonly actions: readonly Action[];
  /** Repairs of the same phase: right only if they still are in a moment, as gossip may be about to do the same. */
  readonly ifSteady: readonly Action[];
  /** What has to come about by itself before anything more can be planned, as sentences. */
  readonly waitsFor: readonly string[];
  /** What is planned already for later rounds. Only who foretells asks for it. */
  readonly later: () => readonly Action[];
}

/** All that a phase plans from; `spec` and `wanted` have each node on the host where it is. */
export interface Scene extends Desired, Snapshot {
  /** What the YAML file says of the containers, whatever host each is on now. */
  readonly goal: Wanted;
  /** Nodes that the YAML file has on another host. */
  readonly moves: readonly Move[];
  /** Keys of the actions that this run has carried out. */
  readonly done: Pick<ReadonlySet<string>, 'has'>;
  /** The nodes of the YAML file, and those that are still to leave the cluster. */
  readonly members: readonly NodeSpec[];
}
