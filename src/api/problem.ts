import { STATUS_CODES } from 'node:http';
import type { StackError } from '../errors.ts';
import type { Problem } from './schemas.ts';

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
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: message, ...more };
}

/** Nobody could be asked, which passes: whatever it is, the service goes on, and so may who asks. */
export function unavailable({ message, code, hint, details }: StackError): ProblemError {
  const tried = details.length === 0 ? {} : { tried: [...details] };
  return new ProblemError(503, message, { code, ...(hint === undefined ? {} : { hint }), ...tried });
}
