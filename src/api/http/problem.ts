import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { StackError, type FailureCode } from '../../errors.ts';
import { run, type Hint, type RenderHint } from '../../hint.ts';
import type { Problem } from '../inspection/schemas.ts';

const PROBLEM_TYPE = 'application/problem+json; charset=utf-8';

type More = Pick<Problem, 'code' | 'tried'> & { readonly hint?: Hint };

/** What a request is refused with. */
export class ProblemError extends Error {
  readonly status: number;
  readonly more: More;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, more: More = {}, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = 'ProblemError';
    this.status = status;
    this.more = more;
    this.headers = headers;
  }
}

/** RFC 9457. */
export function problemOf({ status, message, more }: ProblemError, renderHint: RenderHint): Problem {
  const { hint, ...others } = more;
  // What was asked may stand in it, and may be long.
  const detail = message.length > LONGEST_DETAIL ? `${message.slice(0, LONGEST_DETAIL)}…` : message;
  return {
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail,
    ...others,
    ...(hint && { hint: renderHint(hint) }),
  };
}

const LONGEST_DETAIL = 300;

/** Nobody could be asked, which passes: whatever it is, the service goes on, and so may who asks. */
export function unavailable({ message, code, hint, details }: StackError): ProblemError {
  const tried = details.length === 0 ? [message] : [...details];
  return new ProblemError(503, message, { code, hint: HINTS[code] ?? hint ?? run('status'), tried });
}

/** Where the hint for who typed a command is none for who asks a service. */
const HINTS: Partial<Record<FailureCode, string>> = {
  ENGINE_UNREACHABLE: 'Start the container engine: this service goes on by itself.',
  WAIT_TIMEOUT: 'docker info   # whether the container engine answers',
};

/** Of a request: URL and headers together. Much more than the longest key takes, so that a longer one is told so. */
export const LONGEST_HEAD_BYTES = 1024 * 1024;

export function sendProblem(
  reply: FastifyReply,
  error: FastifyError | ProblemError | StackError,
  renderHint: RenderHint,
): FastifyReply {
  const refusal = toProblemError(error);
  return reply
    .code(refusal.status)
    .headers(refusal.headers)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(refusal, renderHint));
}

function toProblemError(error: FastifyError | ProblemError | StackError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof StackError) return unavailable(error);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const reasons = error.validation.map(({ instancePath, message }) => `${instancePath.slice(1)}: ${message ?? ''}`);
    return new ProblemError(422, `invalid parameter: ${reasons.join('; ')}`);
  }
  const { statusCode = 500, message, code } = error;
  if (code === 'FST_ERR_BAD_URL') return new ProblemError(422, 'the path is not correctly percent-encoded');
  if (statusCode < 500) return new ProblemError(statusCode, message);
  // A bug of ours. Its stack is for who runs the service, not for who asks.
  process.stderr.write(`This is a bug of this program:\n${error.stack ?? message}\n`);
  return new ProblemError(500, 'a bug of this program: its stack is in the output of the service', { code: 'BUG' });
}

/** What isn't HTTP, or has a longer head than is read: there is no request then, only a socket. */
export function refuseUnreadable({ code, rawPacket }: ConnectionError, socket: Socket): void {
  if (!socket.writable) return;
  const isTooLong = code === 'HPE_HEADER_OVERFLOW';
  // Node.js gives the last packet only. Without a line's end in it, one line is that long: the first, most likely.
  const isUrl = isTooLong && !(Buffer.isBuffer(rawPacket) && rawPacket.includes('\r\n'));
  const status = isUrl ? 414 : isTooLong ? 431 : code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const detail = isTooLong
    ? `the request's head is longer than ${LONGEST_HEAD_BYTES} bytes`
    : 'this is no HTTP request';
  const body = JSON.stringify(problemOf(new ProblemError(status, detail), String));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
