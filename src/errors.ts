/**
 * Every way in which a command can fail that its user can do something about.
 * Anything else that is thrown is a bug of ours and keeps its stack.
 */
const FAILURES = {
  USAGE: { exitCode: 2, httpStatus: 400 },
  SPEC_INVALID: { exitCode: 2, httpStatus: 422 },
  CONFIRMATION_NEEDED: { exitCode: 2, httpStatus: 409 },
  ENGINE_UNREACHABLE: { exitCode: 1, httpStatus: 503 },
  ENGINE_FAILED: { exitCode: 1, httpStatus: 502 },
  IMAGE_UNAVAILABLE: { exitCode: 1, httpStatus: 503 },
  IMAGE_BUILD_FAILED: { exitCode: 1, httpStatus: 500 },
  PORT_TAKEN: { exitCode: 1, httpStatus: 409 },
  SUBNET_OVERLAP: { exitCode: 1, httpStatus: 409 },
  ADDRESS_TAKEN: { exitCode: 1, httpStatus: 409 },
  NETWORK_IN_USE: { exitCode: 1, httpStatus: 409 },
  NAME_TAKEN: { exitCode: 1, httpStatus: 409 },
  /** Another process changes the stack, and doesn't come to an end. */
  LOCKED: { exitCode: 1, httpStatus: 409 },
  CHANGED_MEANWHILE: { exitCode: 1, httpStatus: 409 },
  NOT_RUNNING: { exitCode: 1, httpStatus: 503 },
  /** The engine was killed while it started the container, and can neither start nor stop it since. */
  CONTAINER_STUCK: { exitCode: 1, httpStatus: 503 },
  CONTAINER_EXITED: { exitCode: 1, httpStatus: 503 },
  SECRET_UNREADABLE: { exitCode: 1, httpStatus: 500 },
  /** Vault answered that the path, or the field in it, isn't there. */
  SECRET_MISSING: { exitCode: 1, httpStatus: 502 },
  /** Somebody else wrote the secret in the meantime: check-and-set refused. */
  SECRET_CHANGED: { exitCode: 1, httpStatus: 409 },
  VAULT_UNREACHABLE: { exitCode: 1, httpStatus: 503 },
  VAULT_UNTRUSTED: { exitCode: 1, httpStatus: 502 },
  VAULT_UNINITIALISED: { exitCode: 1, httpStatus: 503 },
  VAULT_SEALED: { exitCode: 1, httpStatus: 503 },
  VAULT_STANDBY: { exitCode: 1, httpStatus: 503 },
  VAULT_LOGIN_FAILED: { exitCode: 1, httpStatus: 502 },
  VAULT_TOKEN_INVALID: { exitCode: 1, httpStatus: 502 },
  VAULT_DENIED: { exitCode: 1, httpStatus: 502 },
  VAULT_FAILED: { exitCode: 1, httpStatus: 502 },
  CERTIFICATE_INVALID: { exitCode: 1, httpStatus: 500 },
  /** A folder that should hold a backup doesn't, or its files aren't what was written. */
  BACKUP_INVALID: { exitCode: 2, httpStatus: 422 },
  /** A file of it could not be written, or not every key of it copied. */
  BACKUP_FAILED: { exitCode: 1, httpStatus: 500 },
  /** The Redis from which keys are to be copied. */
  SOURCE_UNREACHABLE: { exitCode: 1, httpStatus: 502 },
  /** Of a data volume, or of the engine. */
  DISK_FULL: { exitCode: 1, httpStatus: 507 },
  DISK_READ_ONLY: { exitCode: 1, httpStatus: 409 },
  DATA_AT_RISK: { exitCode: 1, httpStatus: 409 },
  VOLUME_IN_USE: { exitCode: 1, httpStatus: 409 },
  AUTH_FAILED: { exitCode: 1, httpStatus: 502 },
  CLUSTER_UNHEALTHY: { exitCode: 1, httpStatus: 503 },
  WAIT_TIMEOUT: { exitCode: 1, httpStatus: 504 },
  INTERRUPTED: { exitCode: 130, httpStatus: 503 },
  TERMINATED: { exitCode: 143, httpStatus: 503 },
} as const;

export type FailureCode = keyof typeof FAILURES;

export interface FailureText {
  /** What failed, on which resource. */
  readonly message: string;
  /** The next command to type, or what to change. */
  readonly hint?: string;
  /** More lines of the same failure: every problem of a file, every socket that was tried. */
  readonly details?: readonly string[];
  readonly cause?: unknown;
  /** It may be over in a moment: what holds the thing is just being made, or taken away. */
  readonly isPassing?: boolean;
}

export class StackError extends Error {
  readonly code: FailureCode;
  readonly hint: string | undefined;
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
    return FAILURES[this.code].exitCode;
  }

  get httpStatus(): number {
    return FAILURES[this.code].httpStatus;
  }
}

/** The `code` of a Node.js system error (`ECONNREFUSED`, `ENOENT`, …), if `error` is one. */
export function systemErrorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
