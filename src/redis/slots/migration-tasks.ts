import type { SlotRange } from '../../cluster/slots/slots.ts';
import type { NodeLink } from '../node-link.ts';

/** One entry of CLUSTER MIGRATION STATUS (Redis 8.4 and later). */
export interface MigrationTask {
  readonly id: string;
  readonly slots: readonly SlotRange[];
  /** `import` where the slots go to this node, `migrate` where they leave it. */
  readonly operation: string;
  /** Redis's own word: `accumulate-buffer`, `streaming-buffer`, `completed`, `canceled`, `failed`, … */
  readonly state: string;
  /** Empty, or why the last attempt failed. */
  readonly lastError: string;
  readonly retries: number;
}

/** The tasks that a node has, and the last ones that it had; with `id` only that one. */
export async function readTasks(link: NodeLink, id?: string): Promise<MigrationTask[]> {
  const which = id === undefined ? (['ALL'] as const) : (['ID', id] as const);
  const reply = await link.send('CLUSTER', 'MIGRATION', 'STATUS', ...which);
  return Array.isArray(reply) ? reply.map(parseTask) : [];
}

/** An import that failed is tried again by Redis every second, until it is cancelled; a failed `migrate` is over. */
export function isUnderWay({ operation, state }: MigrationTask): boolean {
  if (state === 'failed') return operation === 'import';
  return state !== 'completed' && state !== 'canceled';
}

/** A map as RESP2 sends it: names and values in turns. */
function parseTask(reply: unknown): MigrationTask {
  const values: readonly unknown[] = Array.isArray(reply) ? reply : [];
  const field = (name: string): string => {
    const index = values.findIndex((value, at) => at % 2 === 0 && value === name);
    return index === -1 ? '' : String(values[index + 1]);
  };
  return {
    id: field('id'),
    slots: [...field('slots').matchAll(/(\d+)-(\d+)/g)].map(([, start, end]) => ({
      start: Number(start),
      end: Number(end),
    })),
    operation: field('operation'),
    state: field('state'),
    lastError: field('last_error'),
    retries: Number(field('retries')),
  };
}
