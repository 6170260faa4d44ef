import * as z from 'zod';

/** The shapes that are given out are those of the document that this API comes from, field by field, in Redis's own words. */
const Count = z.number().int().nonnegative();
const Address = z
  .string()
  .meta({ description: 'Address and port as the node announces them', examples: ['172.20.0.13:6379'] });

export const ClusterInfo = z
  .strictObject({
    cluster_state: z.enum(['ok', 'fail']),
    cluster_slots_assigned: Count,
    cluster_slots_ok: Count,
    cluster_known_nodes: Count,
    cluster_size: Count.meta({ description: 'Primaries that own at least one slot' }),
  })
  .meta({ id: 'ClusterInfo' });

export const ClusterNodes = z
  .strictObject({
    nodes: z.array(
      z.strictObject({
        id: z.string().meta({ description: '40 hexadecimal digits; empty while it is unknown' }),
        host: z.string().optional().meta({ description: "Which of the YAML file's hosts, where there are several" }),
        ip: z.string(),
        port: Count.max(65_535),
        role: z.enum(['master', 'slave']),
        slots: z.string().meta({ description: 'Ranges of slots, with a space between them', examples: ['0-5460'] }),
        slot_count: Count.max(16_384),
      }),
    ),
  })
  .meta({ id: 'ClusterNodes' });

export const NodeInfo = z
  .strictObject({
    node: Address,
    role: z.enum(['master', 'slave']),
    connected_slaves: Count,
    used_memory: z.string().meta({ description: 'Bytes, as INFO gives them', examples: ['1572864'] }),
    used_memory_human: z.string().meta({ examples: ['1.50M'] }),
    total_commands_processed: Count,
    keyspace: z.record(z.string(), z.strictObject({ keys: Count, expires: Count })).meta({
      description: 'By database; one without keys is not in it',
      examples: [{ db0: { keys: 150, expires: 10 } }],
    }),
  })
  .meta({ id: 'NodeInfo' });

export const SlotDistribution = z
  .strictObject({
    total_slots: z.literal(16_384),
    assigned_slots: Count.max(16_384),
    distribution: z
      .array(
        z.strictObject({
          node: Address,
          start_slot: Count.max(16_383),
          end_slot: Count.max(16_383),
          slot_count: Count.min(1).max(16_384),
        }),
      )
      .meta({ description: 'Ascending; slots without an owner are in none of them' }),
  })
  .meta({ id: 'SlotDistribution' });

export const KeySlot = z
  .strictObject({
    key: z.string().meta({ description: 'As text; a key that is no UTF-8 as it was sent, percent-encoded' }),
    slot: Count.max(16_383),
    node: Address.nullable().meta({ description: 'Who owns the slot; null where no node does' }),
  })
  .meta({ id: 'KeySlot' });

export const Health = z.strictObject({ status: z.literal('ok') }).meta({ id: 'Health' });

/** RFC 9457, with the members that this API adds. */
export const Problem = z
  .strictObject({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.number().int().min(400).max(599),
    detail: z.string(),
    code: z
      .string()
      .optional()
      .meta({ description: 'What kind of failure, for programs', examples: ['ENGINE_UNREACHABLE'] }),
    hint: z.string().optional().meta({ description: 'The next command to type' }),
    tried: z.array(z.string()).optional().meta({ description: 'What was asked, and what came of it' }),
  })
  .meta({ id: 'Problem' });

export type Problem = z.infer<typeof Problem>;
