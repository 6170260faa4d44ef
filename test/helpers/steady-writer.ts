import type { Cluster } from 'ioredis';
import type { TestStack } from './test-stack.ts';
import { connectCluster } from './cluster-client.ts';

/** Clients that write one key after the other, each knowing what was acknowledged. */
export interface SteadyWriters {
  /** The most requests of one client that failed one after the other, and how many failed and were answered in all. */
  stop(): Promise<{ readonly mostFailedInARow: number; readonly failed: number; readonly acknowledged: number }>;
  /** Acknowledged writes that are not there any more. */
  findLost(): Promise<string[]>;
  close(): void;
}

const PAUSE_MS = 5;
const KEYS_OF_A_CLIENT = 200;

export async function startSteadyWriters(stack: TestStack, count: number): Promise<SteadyWriters> {
  return writeSteadily(await Promise.all(Array.from({ length: count }, () => connectCluster(stack))));
}

export function writeSteadily(clients: readonly Cluster[]): SteadyWriters {
  const written = clients.map(() => new Map<string, number>());
  const stopping = new AbortController();
  const runs = clients.map(async (client, index) => {
    const tally = { mostFailedInARow: 0, failed: 0, acknowledged: 0 };
    let inARow = 0;
    for (let turn = 1; !stopping.signal.aborted; turn += 1) {
      const key = `steady:${index}:${turn % KEYS_OF_A_CLIENT}`;
      try {
        await client.set(key, turn);
        written[index]?.set(key, turn);
        tally.acknowledged += 1;
        inARow = 0;
      } catch {
        // It may have been carried out all the same: what its key holds is not known any more.
        written[index]?.delete(key);
        tally.failed += 1;
        inARow += 1;
        tally.mostFailedInARow = Math.max(tally.mostFailedInARow, inARow);
      }
      await new Promise((resolve) => {
        setTimeout(resolve, PAUSE_MS);
      });
    }
    return tally;
  });
  return {
    stop: async () => {
      stopping.abort();
      const tallies = await Promise.all(runs);
      return {
        mostFailedInARow: Math.max(...tallies.map(({ mostFailedInARow }) => mostFailedInARow)),
        failed: tallies.reduce((sum, { failed }) => sum + failed, 0),
        acknowledged: tallies.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
      };
    },
    findLost: async () => {
      const lost = clients.map(async (client, index) => {
        const keys = [...(written[index] ?? [])];
        const values = await Promise.all(keys.map(([key]) => client.get(key)));
        return keys.filter(([, value], position) => values[position] !== String(value)).map(([key]) => key);
      });
      return (await Promise.all(lost)).flat();
    },
    close: () => {
      for (const client of clients) client.disconnect();
    },
  };
}
