import type { Secret } from '../secret.ts';

/** Where a stack's password is kept, and decided. */
export interface SecretSource {
  /** For messages: `the file /…/password`, `Vault, secret/redis-1, field password`. */
  readonly description: string;
  /** A file of this machine: reading it asks nobody else, and it is made on first use. undefined for a server. */
  readonly file: string | undefined;
  /**
   * undefined where nothing is kept yet and this program makes it on first use.
   *
   * @throws StackError SECRET_MISSING where nothing is kept and that is for a person to do.
   */
  read(): Promise<StackSecret | undefined>;
  /** Keeps `password`, only where nothing is kept yet. @returns what is kept then: another process may have been first. */
  create(password: Secret): Promise<StackSecret>;
  /** Keeps `password` instead of `current`. @throws StackError SECRET_CHANGED where something else is kept by now. */
  replace(password: Secret, current: StackSecret): Promise<void>;
}

export interface StackSecret {
  readonly password: Secret;
  /** Whether TLS is wanted, where the source says so. */
  readonly tlsEnabled: boolean | undefined;
}
