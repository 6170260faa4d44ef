import { rangesOf, slotsOf, type SlotRange } from '../../cluster/slots/slots.ts';
import type { NodeLink } from '../node-link.ts';
import type { ServerName } from '../../plan/model/resources.ts';
import type { Peer } from './route.ts';

/** A move of slots that the servers carry out by themselves, as one of them tells of it. */
export interface MigrationTask {
  readonly id: string;
  readonly slots: readonly SlotRange[];
  /** Ids of nodes. */
  readonly from: string;
  readonly to: string;
  /** `import` where the slots go to the target, `migrate` where they leave it. */
  readonly operation: string;
  /** The server's own word: `accumulate-buffer`, `streaming-buffer`, …; of all of them `completed`, `canceled` and `failed`. */
  readonly state: string;
  /** Empty, or why the last attempt failed. */
  readonly lastError: string;
  readonly retries: number;
}

/** How servers move slots to one of them, the target, by themselves. */
export interface SlotMigration {
  /** @returns the task's id */
  readonly begin: (ranges: readonly SlotRange[]) => Promise<string>;
  /** Those that the ends have, and the last ones that they had; with `id` only that one. */
  readonly tasks: (id?: string) => Promise<MigrationTask[]>;
  readonly isUnderWay: (task: MigrationTask) => boolean;
  readonly cancel: (id: string) => Promise<void>;
  /** What a person types for it: a node, and a command for it. */
  readonly cancelText: (id: string) => string;
}

/** CLUSTER MIGRATION of Redis 8.4 and later: the target pulls the slots. */
export function redisMigration(target: NodeLink): SlotMigration {
  return {
    begin: async (ranges) => String(await target.send('CLUSTER', 'MIGRATION', 'IMPORT', ...boundsOf(ranges))),
    tasks: (id) => readTasks(target, id),
    isUnderWay,
    cancel: async (id) => {
      await target.send('CLUSTER', 'MIGRATION', 'CANCEL', 'ID', id);
    },
    cancelText: (id) => `${target.name} -- CLUSTER MIGRATION CANCEL ID ${id}`,
  };
}

/** CLUSTER MIGRATESLOTS of Valkey 9 and later: the source pushes them, and doesn't try again where that failed. */
export function valkeyMigration(source: Peer, target: Peer): SlotMigration {
  const jobs = async (): Promise<MigrationTask[]> => {
    const replies = await Promise.all(
      [source, target].map(async ({ link, id }) => ({ id, reply: await link.send('CLUSTER', 'GETSLOTMIGRATIONS') })),
    );
    return replies.flatMap(({ id, reply }) => parseAll(reply).map((fields) => toTask(fields, id, target.id)));
  };
  return {
    begin: async (ranges) => {
      const before = new Set((await jobs()).map(({ id }) => id));
      await source.link.send('CLUSTER', 'MIGRATESLOTS', 'SLOTSRANGE', ...boundsOf(ranges), 'NODE', target.id);
      const wanted = JSON.stringify(rangesOf(slotsOf(ranges)));
      const begun = (await jobs()).find(({ id, slots }) => !before.has(id) && JSON.stringify(slots) === wanted);
      return begun?.id ?? '';
    },
    tasks: async (id) => (await jobs()).filter((job) => id === undefined || job.id === id),
    isUnderWay: isJobUnderWay,
    cancel: async () => {
      await source.link.send('CLUSTER', 'CANCELSLOTMIGRATIONS');
    },
    cancelText: () => `${source.link.name} -- CLUSTER CANCELSLOTMIGRATIONS`,
  };
}

function boundsOf(ranges: readonly SlotRange[]): number[] {
  return ranges.flatMap(({ start, end }) => [start, end]);
}

/** CLUSTER MIGRATION STATUS of a node. */
export async function readTasks(link: NodeLink, id?: string): Promise<MigrationTask[]> {
  const which = id === undefined ? (['ALL'] as const) : (['ID', id] as const);
  const reply = await link.send('CLUSTER', 'MIGRATION', 'STATUS', ...which);
  return parseAll(reply).map((field) => ({
    id: field('id'),
    slots: parseRanges(field('slots')),
    from: field('source'),
    to: field('dest'),
    operation: field('operation'),
    state: field('state'),
    lastError: field('last_error'),
    retries: Number(field('retries')),
  }));
}

/** An import that failed is tried again by Redis every second, until it is cancelled; a failed `migrate` is over. */
export function isUnderWay({ operation, state }: MigrationTask): boolean {
  if (state === 'failed') return operation === 'import';
  return state !== 'completed' && state !== 'canceled';
}

function isJobUnderWay({ state }: MigrationTask): boolean {
  return !['completed', 'canceled', 'failed'].includes(state);
}

/** What one node tells of moves in its server's own way. */
export async function tasksUnderWay(link: NodeLink, server: ServerName): Promise<MigrationTask[]> {
  if (server === 'redis') return (await readTasks(link)).filter(isUnderWay);
  const jobs = parseAll(await link.send('CLUSTER', 'GETSLOTMIGRATIONS'));
  return jobs.map((fields) => toTask(fields, '', '')).filter(isJobUnderWay);
}

const STATES: Readonly<Record<string, string>> = { success: 'completed', cancelled: 'canceled' };

/** @param node the node that tells of it */
function toTask(field: Fields, node: string, target: string): MigrationTask {
  const isComing = field('target_node') === target && (node === target || field('operation') === 'EXPORT');
  return {
    id: field('name'),
    slots: parseRanges(field('slot_ranges')),
    from: field('source_node'),
    to: field('target_node'),
    operation: isComing ? 'import' : 'migrate',
    state: STATES[field('state')] ?? field('state'),
    lastError: field('message'),
    retries: 0,
  };
}

type Fields = (name: string) => string;

/** Maps as RESP2 sends them: names and values in turns. */
function parseAll(reply: unknown): Fields[] {
  const maps: readonly unknown[] = Array.isArray(reply) ? reply : [];
  return maps.map((map) => {
    const values: readonly unknown[] = Array.isArray(map) ? map : [];
    return (name) => {
      const index = values.findIndex((value, at) => at % 2 === 0 && value === name);
      return index === -1 ? '' : String(values[index + 1]);
    };
  });
}

/** `50-60 70`, `50-60,70-70` */
function parseRanges(text: string): SlotRange[] {
  return [...text.matchAll(/(\d+)(?:-(\d+))?/g)].map(([, start, end = start]) => ({
    start: Number(start),
    end: Number(end),
  }));
}
