import { setTimeout as sleep } from 'node:timers/promises';

/** What happens at a call instead of the call, or after it. */
export const FAULTS = ['kill before', 'kill after', 'error', 'drop before', 'drop after', 'stall'] as const;
export type Fault = (typeof FAULTS)[number];

export const STALL_MS = 5000;

export interface Trap {
  /** The number of the mutating call, from 1. */
  readonly point: number;
  readonly fault: Fault;
  /** Ends the program with SIGKILL. */
  readonly kill?: () => void;
}

/** Numbers the mutating calls of one run of the program, whichever proxy they come through. */
export interface FaultLine {
  /** The next calls are those of another run. */
  begin(trap?: Trap): void;
  /** The calls since then, by their names. */
  readonly calls: readonly string[];
  /** Told of each mutating call before it is passed on. @returns what is to happen to it */
  meet(call: string): Fault | undefined;
  kill(): void;
}

export function newFaultLine(): FaultLine {
  const calls: string[] = [];
  let trap: Trap | undefined;
  return {
    begin: (next) => {
      calls.length = 0;
      trap = next;
    },
    calls,
    meet: (call) => {
      calls.push(call);
      return calls.length === trap?.point ? trap.fault : undefined;
    },
    kill: () => trap?.kill?.(),
  };
}

/** Keeps everybody waiting while what is behind a proxy stalls. */
export interface Gate {
  stall(): void;
  readonly passed: () => Promise<void>;
}

export function newGate(): Gate {
  let stalled: Promise<void> = Promise.resolve();
  return {
    stall: () => {
      stalled = sleep(STALL_MS);
    },
    passed: () => stalled,
  };
}
