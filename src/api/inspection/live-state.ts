import * as z from 'zod';

const Count = z.number().int().nonnegative();
const SlotRange = z.strictObject({ start: Count.max(16383), end: Count.max(16383) });

/** What the page shows of a node. Nodes stand in the order of the YAML file. */
export const LiveNode = z.strictObject({
  /** As in the YAML file. */
  name: z.string(),
  /** Which of the YAML file's hosts it is on, where there are several. */
  host: z.string().optional(),
  /** undefined while the node has not been seen. */
  id: z.string().optional(),
  role: z.enum(['primary', 'replica']).optional(),
  /** For a replica: the name of its primary. */
  primary: z.string().optional(),
  /** `failing`: it answers, and serves nothing, or others think that it failed. `unknown`: nobody could be asked. */
  state: z.enum(['up', 'failing', 'down', 'unknown']),
  /** Why it isn't `up`. */
  reason: z.string().optional(),
  /** In the network, as it is announced: `172.20.0.13:6379`. */
  address: z.string(),
  /** From this host: `127.0.0.1:6379`. */
  hostAddress: z.string(),
  slotCount: Count,
  /** These only while it answers. */
  figures: z
    .strictObject({
      memoryBytes: Count,
      /** 0 means as much as there is. */
      maxMemoryBytes: Count,
      keys: Count,
      /** As Redis averages them over the last second and a half. */
      opsPerSecond: Count,
      clients: Count,
      uptimeSeconds: Count,
      /** `Valkey 9.1.2` */
      server: z.string(),
      redisVersion: z.string(),
      /** Links to the other nodes: those that are up, and all. */
      busLinks: z.strictObject({ up: Count, all: Count }),
      /** For a replica: whether it follows its primary. */
      replicationLink: z.enum(['up', 'down']).optional(),
    })
    .optional(),
  /** The last time that it was seen not to answer, since this service began. `at` is in ms since 1970. */
  lastFailure: z.strictObject({ at: z.number(), text: z.string() }).optional(),
});

/** The event `state`: everything that changes, whole, every second. */
export const LiveState = z.strictObject({
  stack: z.string(),
  /** When the nodes were asked, in ms since 1970. */
  at: z.number(),
  /** `moving`: whole, and slots are on their way. `unknown`: nobody could be asked, see `headline`. */
  health: z.enum(['ok', 'moving', 'failing', 'unknown']),
  /** The state in one sentence. */
  headline: z.string(),
  /** Hosts that don't answer: their nodes are `unknown`. */
  away: z.array(z.string()),
  /** What is wrong, what matters most first, each with the command that repairs it. */
  findings: z.array(z.strictObject({ text: z.string(), command: z.string() })),
  /** Who owns what, ascending; slots without an owner are in none of them. */
  slots: z.array(z.strictObject({ ...SlotRange.shape, node: z.string() })),
  /** Slots on the move; they still belong to `from`, or belong to `to` already. */
  moves: z.array(z.strictObject({ from: z.string(), to: z.string(), slots: z.array(SlotRange), count: Count })),
  nodes: z.array(LiveNode),
});

const Snippet = z.strictObject({ language: z.string(), note: z.string(), code: z.string() });

/** The event `hello`: what the page needs once. */
export const Hello = z.strictObject({
  /** Of the page that this service serves: a page of another build loads itself anew. */
  build: z.string(),
  /** How clients on the host of the service come to the nodes. */
  reach: z.string().optional(),
  /** How to connect, by language. */
  snippets: z.array(
    // Its other form has a map, where clients need none.
    z.strictObject({ ...Snippet.shape, mapped: Snippet.optional() }),
  ),
});

export type LiveNode = z.infer<typeof LiveNode>;
export type LiveState = z.infer<typeof LiveState>;
export type Hello = z.infer<typeof Hello>;
