import { setTimeout as sleep } from 'node:timers/promises';
import { withinBounds, type Bounds } from '../../bounds.ts';
import { hasCode, StackError } from '../../errors.ts';
import type { Absence } from '../../plan/model/resources.ts';
import { durationText } from '../../units.ts';
import type { SingleEngine } from '../engine.ts';

export interface HostEngine {
  readonly name: string;
  readonly engine: SingleEngine;
}

export type Call<T> = (engine: SingleEngine) => Promise<T>;

/** After how long a host that says nothing is away. */
export interface Patience {
  /** A call that takes longer is no sign of anything: whoever is asked has to answer a ping meanwhile. */
  readonly silentMs: number;
  readonly pingMs: number;
  /** For so long it is not asked again. */
  readonly againMs: number;
}

/**
 * The first packet of a connection is sent again after 1 s and 3 s, and a login over ssh takes one or two: so long a ping may
 * take. Who is away is known so after 8 s at the latest, and, where its machine refuses the connection, at once.
 */
export function patienceWithin({ timeoutMs }: Pick<Bounds, 'timeoutMs'>): Patience {
  return { silentMs: Math.min(3000, timeoutMs / 4), pingMs: Math.min(5000, timeoutMs / 2), againMs: 10_000 };
}

/** A host, and whether it answers. */
export class Member {
  readonly name: string;
  readonly engine: SingleEngine;
  readonly #signal: AbortSignal;
  #absence: StackError | undefined;
  #foundAt = 0;

  readonly #patience: Patience;

  constructor({ name, engine }: HostEngine, signal: AbortSignal, patience: Patience) {
    this.#patience = patience;
    this.name = name;
    this.engine = engine;
    this.#signal = signal;
  }

  /** Why it did not answer when it was last asked. */
  get absence(): Absence | undefined {
    return this.#absence;
  }

  /** @throws StackError ENGINE_UNREACHABLE, a few seconds after it has gone; at once where that was found just now */
  async ask<T>(call: Call<T>): Promise<T> {
    if (this.#absence !== undefined && performance.now() - this.#foundAt < this.#patience.againMs) throw this.#absence;
    try {
      if (this.#absence !== undefined) await this.#ping();
      const result = await this.#whileThere(call(this.engine));
      this.#absence = undefined;
      return result;
    } catch (error) {
      if (!hasCode(error, 'ENGINE_UNREACHABLE')) throw this.#named(error);
      this.#foundAt = performance.now();
      const { message, hint = '', cause } = error;
      // Who asked for one thing looks again, and sees that all of this host is away.
      this.#absence = new StackError('ENGINE_UNREACHABLE', { message, hint, cause, isPassing: true });
      throw this.#absence;
    }
  }

  /** What fails as nothing that is known, or takes too long, says which of the hosts it is about. */
  #named(error: unknown): unknown {
    if (!hasCode(error, 'ENGINE_FAILED', 'WAIT_TIMEOUT')) return error;
    const { code, message, hint = '', details, cause, isPassing } = error;
    const text = `on host ${this.name} (${this.engine.endpoint.address}): ${message}`;
    return new StackError(code, { message: text, hint, details, cause, isPassing });
  }

  async #whileThere<T>(work: Promise<T>): Promise<T> {
    // Where it is away, nobody hears of what this ends with.
    work.catch(() => undefined);
    for (let { silentMs } = this.#patience; ; silentMs *= 2) {
      const timer = new AbortController();
      const silence = sleep(silentMs, 'silence' as const, { signal: timer.signal }).catch(() => 'silence' as const);
      const result = await Promise.race([work.then((value) => ({ value })), silence]).finally(() => timer.abort());
      if (result !== 'silence') return result.value;
      await this.#ping();
    }
  }

  async #ping(): Promise<void> {
    const { address, source } = this.engine.endpoint;
    const { pingMs } = this.#patience;
    const subject = `the container engine at ${address} (${source})`;
    try {
      await withinBounds(this.engine.ping(), `${subject} did not answer`, {
        signal: this.#signal,
        timeoutMs: pingMs,
      });
    } catch (error) {
      if (!hasCode(error, 'WAIT_TIMEOUT')) throw error;
      throw new StackError('ENGINE_UNREACHABLE', {
        message: `${subject} does not answer within ${durationText(pingMs)}`,
        hint: 'Start the host or its engine, then run the same command again: it goes on where it stopped.',
        cause: error,
      });
    }
  }
}

/** What each says that answers. @throws StackError ENGINE_UNREACHABLE where none does */
export async function askAll<T>(members: readonly Member[], call: Call<T>): Promise<readonly (readonly [Member, T])[]> {
  const asked = await Promise.allSettled(members.map(async (member) => [member, await member.ask(call)] as const));
  const answers = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failures = asked.flatMap((one): unknown[] => (one.status === 'rejected' ? [one.reason] : []));
  const failure = failures.find((one) => !hasCode(one, 'ENGINE_UNREACHABLE')) ?? failures[0];
  if (failure === undefined || (answers.length > 0 && hasCode(failure, 'ENGINE_UNREACHABLE'))) return answers;
  if (!hasCode(failure, 'ENGINE_UNREACHABLE')) throw failure;
  const { code, message, hint = '', cause } = failure;
  throw new StackError(code, { message, hint, cause });
}
