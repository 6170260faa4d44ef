/** Redis's own words for what it refused, and nothing of the command: an argument may be a password. */
export class Refusal extends Error {}

/** What Redis refused in `error`, an error of ioredis; undefined where it is the connection that failed. */
export function refusalIn(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error;
  return error instanceof Error && error.name === 'ReplyError' ? new Refusal(error.message) : undefined;
}
