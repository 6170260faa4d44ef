import type { Hint } from './hint.ts';

/**
 * Every way in which a command can fail that its user can do something about.
 * Anything else that is thrown is a bug of ours and keeps its stack.
 */
const EXIT_CODES = {
  USAGE: 2,
  SPEC_INVALID: 2,
  CONFIRMATION_NEEDED: 2,
  ENGINE_UNREACHABLE: 1,
  ENGINE_FAILED: 1,
  IMAGE_UNAVAILABLE: 1,
  IMAGE_BUILD_FAILED: 1,
  PORT_TAKEN: 1,
  /** The process through which clients of the host come in could not be started, or ended. */
  PROXY_FAILED: 1,
  SUBNET_OVERLAP: 1,
  ADDRESS_TAKEN: 1,
  NETWORK_IN_USE: 1,
  /** A container did not get onto the network of a Docker Swarm, or doesn't get through to another host's on it. */
  ATTACH_FAILED: 1,
  NAME_TAKEN: 1,
  /** Another process changes the stack, and doesn't come to an end. */
  LOCKED: 1,
  CHANGED_MEANWHILE: 1,
  NOT_RUNNING: 1,
  /** The engine was killed while it started the container, and can neither start nor stop it since. */
  CONTAINER_STUCK: 1,
  CONTAINER_EXITED: 1,
  SECRET_UNREADABLE: 1,
  /** Vault answered that the path, or the field in it, isn't there. */
  SECRET_MISSING: 1,
  /** Somebody else wrote the secret in the meantime: check-and-set refused. */
  SECRET_CHANGED: 1,
  VAULT_UNREACHABLE: 1,
  VAULT_UNTRUSTED: 1,
  VAULT_UNINITIALISED: 1,
  VAULT_SEALED: 1,
  VAULT_STANDBY: 1,
  VAULT_LOGIN_FAILED: 1,
  VAULT_TOKEN_INVALID: 1,
  VAULT_DENIED: 1,
  VAULT_FAILED: 1,
  CERTIFICATE_INVALID: 1,
  /** A folder that should hold a backup doesn't, or its files aren't what was written. */
  BACKUP_INVALID: 2,
  /** A file of it could not be written, or not every key of it copied. */
  BACKUP_FAILED: 1,
  /** The Redis from which keys are to be copied. */
  SOURCE_UNREACHABLE: 1,
  /** Of a data volume, or of the engine. */
  DISK_FULL: 1,
  DISK_READ_ONLY: 1,
  /** Of `run`: the command that was to be run. As a shell says it. */
  COMMAND_FAILED: 127,
  DATA_AT_RISK: 1,
  VOLUME_IN_USE: 1,
  AUTH_FAILED: 1,
  /** Redis answered a command with an error. */
  REDIS_REFUSED: 1,
  /** A node can't be connected to, or the connection was lost: whether it carried out what it was sent is unknown. */
  NODE_DISCONNECTED: 1,
  CLUSTER_UNHEALTHY: 1,
  WAIT_TIMEOUT: 1,
  INTERRUPTED: 130,
  TERMINATED: 143,
} as const;

export type FailureCode = keyof typeof EXIT_CODES;

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Object.keys forgets them
export const FAILURE_CODES = Object.keys(EXIT_CODES) as FailureCode[];

interface FailureText {
  /** What failed, on which resource. */
  readonly message: string;
  /** The next command to type, or what to change. */
  readonly hint?: Hint;
  /** More lines of the same failure: every problem of a file, every socket that was tried. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
  /** It may be over in a moment: what holds the thing is just being made, or taken away. */
  readonly isPassing?: boolean;
}

export class StackError extends Error {
  readonly code: FailureCode;
  readonly hint: Hint | undefined;
  readonly details: readonly string[];
  readonly isPassing: boolean;

  constructor(code: FailureCode, text: FailureText) {
    super(text.message, text.cause === undefined ? undefined : { cause: text.cause });
    this.name = 'StackError';
    this.code = code;
    this.hint = text.hint;
    this.details = text.details ?? [];
    this.isPassing = text.isPassing ?? code === 'CHANGED_MEANWHILE';
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

export function hasCode(error: unknown, ...codes: readonly FailureCode[]): error is StackError {
  return error instanceof StackError && codes.includes(error.code);
}

/** The `code` of a Node.js system error (`ECONNREFUSED`, `ENOENT`, …), if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
