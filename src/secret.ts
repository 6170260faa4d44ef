import { inspect } from 'node:util';

const REDACTED = '[secret]';

/** A value that shows itself to nobody by accident: printed, logged, interpolated or serialised, it reads `[secret]`. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call it only where the value goes straight to Redis, into a file or to a user who asked. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
