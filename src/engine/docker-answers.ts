/** What this program reads in the engine's answers, 1.41 and later, checked: whatever answers there may be no engine. */
import * as z from 'zod';

/** What may be null or left out means `otherwise`. */
function or<T>(otherwise: T, item: z.ZodType<T>): z.ZodType<T> {
  return item.nullish().transform((found) => found ?? otherwise);
}

function listOf<T>(item: z.ZodType<T>): z.ZodType<T[]> {
  return or<T[]>([], z.array(item));
}

function recordOf<T>(item: z.ZodType<T>): z.ZodType<Record<string, T>> {
  return or<Record<string, T>>({}, z.record(z.string(), item));
}

const labels = recordOf(z.string());
const text = or('', z.string());
const number = or(0, z.number());

export const versionAnswer = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: text,
  Components: listOf(z.object({ Name: text })),
  Os: z.string(),
  Arch: z.string(),
});

/** Of GET /exec/{id}/json. */
export const execAnswer = z.object({
  Running: z.boolean(),
  ProcessConfig: or({ entrypoint: '', arguments: [] }, z.object({ entrypoint: text, arguments: listOf(z.string()) })),
});

const SWARM_STATES = ['inactive', 'pending', 'active', 'error', 'locked'] as const;

/** Of GET /info. */
export const infoAnswer = z.object({
  MemoryLimit: or(true, z.boolean()),
  CpuCfsQuota: or(true, z.boolean()),
  PidsLimit: or(true, z.boolean()),
  MemTotal: number,
  SystemTime: text,
  Swarm: z
    .object({
      NodeID: text,
      LocalNodeState: z.enum(SWARM_STATES).catch('inactive'),
      ControlAvailable: or(false, z.boolean()),
    })
    .nullish(),
});

/** Of GET /nodes. */
export const swarmNodeAnswers = z.array(
  z.object({ ID: z.string(), Spec: z.object({ Role: text, Availability: text }) }),
);

export const imageAnswer = z.object({
  Id: z.string(),
  Os: text,
  Architecture: text,
  Config: z.object({ Entrypoint: listOf(z.string()), Cmd: listOf(z.string()), Env: listOf(z.string()) }).nullish(),
});
export type ImageAnswer = z.output<typeof imageAnswer>;

export const networkAnswers = z.array(
  z.object({
    Name: z.string(),
    Labels: labels,
    Scope: text,
    IPAM: z.object({ Config: listOf(z.object({ Subnet: text })) }).nullish(),
  }),
);
export type NetworkAnswer = z.output<typeof networkAnswers>[number];

export const containerAnswers = z.array(
  z.object({
    Id: z.string(),
    Names: listOf(z.string()),
    State: z.string(),
    Status: text,
    Image: z.string(),
    ImageID: z.string(),
    Labels: labels,
    Ports: listOf(z.object({ IP: text, PublicPort: z.number().nullish(), PrivatePort: z.number() })),
    NetworkSettings: z
      .object({ Networks: z.record(z.string(), z.object({ IPAddress: text }).nullable()).nullish() })
      .nullish(),
    Mounts: listOf(z.object({ Type: text, Name: text, Destination: text })),
  }),
);
export type ContainerAnswer = z.output<typeof containerAnswers>[number];

/** Of GET /networks/{name}. */
export const networkAnswer = z.object({ Created: text });

/** Of GET /system/df. An engine that can't measure says -1. */
export const usageAnswer = z.object({
  Volumes: listOf(
    z.object({
      Name: z.string(),
      Driver: text,
      Options: labels,
      UsageData: z.object({ Size: z.number(), RefCount: z.number() }).nullish(),
    }),
  ),
});

export const volumesAnswer = z.object({ Volumes: listOf(z.object({ Name: z.string(), Labels: labels })) });

export const detailsAnswer = z.object({
  State: z.object({
    Status: text,
    ExitCode: z.number(),
    OOMKilled: z.boolean(),
    Error: text,
    StartedAt: z.string(),
    FinishedAt: text,
  }),
  RestartCount: number,
  ExecIDs: listOf(z.string()),
  Config: z.object({
    User: text,
    Cmd: listOf(z.string()),
    Hostname: text,
    Healthcheck: z.object({ Test: listOf(z.string()), Interval: number, Timeout: number }).nullish(),
  }),
  HostConfig: z.object({
    PortBindings: recordOf(listOf(z.object({ HostIp: text, HostPort: text }))),
    Memory: number,
    NanoCpus: number,
    RestartPolicy: z.object({ Name: text }).nullish(),
    Privileged: or(false, z.boolean()),
    CapAdd: listOf(z.string()),
    CapDrop: listOf(z.string()),
    SecurityOpt: listOf(z.string()),
    ReadonlyRootfs: or(false, z.boolean()),
    PidsLimit: number,
  }),
  Mounts: listOf(z.object({ Name: z.string().nullish(), Source: text, Destination: z.string(), RW: z.boolean() })),
  NetworkSettings: z.object({
    Networks: recordOf(
      z.object({
        IPAMConfig: z.object({ IPv4Address: text }).nullish(),
        IPAddress: text,
        Aliases: listOf(z.string()),
      }),
    ),
  }),
});
export type DetailsAnswer = z.output<typeof detailsAnswer>;

/** The header of HEAD /containers/{id}/archive: JSON in base64. */
export const fileStatAnswer = z.object({ headers: z.object({ 'x-docker-container-path-stat': z.string() }) });
export const fileStat = z.object({ size: z.number(), mtime: z.iso.datetime({ offset: true }) });

/** One line of a pull or an import. */
export const progressAnswer = z.object({
  id: z.string().optional(),
  status: z.string().optional(),
  progress: z.string().optional(),
  error: z.string().optional(),
  // What later engines say in its place.
  errorDetail: z.object({ message: z.string() }).nullish(),
});

/** @throws UnknownAnswer for one that isn't what the Engine API says */
export function understood<T extends z.ZodType>(answer: T, given: unknown): z.output<T> {
  // For the few answers of a command, to compile a parser takes longer than to do without.
  const result = answer.safeParse(given, { jitless: true });
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.map(String).join('.') ?? '';
  throw new UnknownAnswer(`${where === '' ? 'it' : where}: ${issue?.message ?? 'not as expected'}`);
}

/** @throws UnknownAnswer for what is no JSON */
export function parsedJson(given: string, what: string): unknown {
  try {
    return JSON.parse(given);
  } catch {
    throw new UnknownAnswer(`${what} is no JSON`);
  }
}

/** An answer that no engine gives; the message says what is wrong with it. */
export class UnknownAnswer extends Error {}
