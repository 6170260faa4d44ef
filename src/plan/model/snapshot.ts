import type { NodeView } from '../../cluster/nodes/view.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import type { RepairFacts } from '../cluster/plan-repair.ts';
import type { Conflict } from '../engine/conflicts.ts';
import type { PasswordState } from '../node/plan-password.ts';
import type { Observed } from './observed.ts';

/** All that a plan depends on, as one look has seen it. What an action touches is looked at again; the rest is kept. */
export interface Snapshot {
  readonly engine: Observed;
  /** What stands in the way on this machine: a port that a process holds, a route of a VPN. */
  readonly obstacles: readonly Conflict[];
  /** Nodes that run and left the YAML file, by what their containers tell. */
  readonly former: readonly NodeSpec[];
  /** Of the nodes of the YAML file, then of the former ones. */
  readonly views: readonly NodeView[];
  /** Nodes that have not answered for longer than a healthy one is ever busy. */
  readonly silent: ReadonlySet<string>;
  /** Nodes that can't start, because their node table can't be read. */
  readonly damagedTables: ReadonlySet<string>;
  /** Read when all nodes answer. */
  readonly passwords: readonly PasswordState[];
  /** Node name → CONFIG GET of the running server. Read when all nodes answer. */
  readonly settings: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly certificates: readonly CertificateState[];
  /** Where the keys of doubtful slots are; read when all nodes answer and some slots are doubtful. */
  readonly facts: RepairFacts;
}

export interface CertificateState {
  readonly node: string;
  /** Why it is to get another one; undefined where it isn't. */
  readonly cause: string | undefined;
  /** This host would refuse it, and with it the node. */
  readonly isRefused: boolean;
}

export const NO_FACTS: RepairFacts = { keys: new Map(), outdated: new Map(), hasOtherVolumes: false };
