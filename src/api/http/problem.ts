import { STATUS_CODES } from 'node:http';
import type { FailureCode, StackError } from '../../errors.ts';
import type { Problem } from '../inspection/schemas.ts';

export const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

/** What a request is refused with. */
export class ProblemError extends Error {
  readonly status: number;
  readonly more: Pick<Problem, 'code' | 'hint' | 'tried'>;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    detail: string,
    more: Pick<Problem, 'code' | 'hint' | 'tried'> = {},
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.more = more;
    this.headers = headers;
  }
}

/** RFC 9457. */
export function problemOf({ status, message, more }: Pick<ProblemError, 'status' | 'message' | 'more'>): Problem {
  // What was asked may stand in it, and may be long.
  const detail = message.length > LONGEST_DETAIL ? `${message.slice(0, LONGEST_DETAIL)}…` : message;
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail, ...more };
}

const LONGEST_DETAIL = 300;

/** Nobody could be asked, which passes: whatever it is, the service goes on, and so may who asks. */
export function unavailable({ message, code, hint, details }: StackError): ProblemError {
  const tried = details.length === 0 ? [message] : [...details];
  return new ProblemError(503, message, { code, hint: HINTS[code] ?? hint ?? 'npx tsx manage.ts status', tried });
}

/** Where the hint for who typed a command is none for who asks a service. */
const HINTS: Partial<Record<FailureCode, string>> = {
  ENGINE_UNREACHABLE: 'Start the container engine: this service goes on by itself.',
  WAIT_TIMEOUT: 'docker info   # whether the container engine answers',
};
