import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyError, FastifyReply } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { StackError } from '../../errors.ts';
import { problemOf, PROBLEM_TYPE, ProblemError, unavailable } from './problem.ts';

/** Of a request: URL and headers together. Much more than the longest key takes, so that a longer one is told so. */
export const LONGEST_HEAD_BYTES = 1024 * 1024;

export function sendProblem(reply: FastifyReply, error: FastifyError | ProblemError | StackError): FastifyReply {
  const refusal = toProblemError(error);
  return reply
    .code(refusal.status)
    .headers(refusal.headers)
    .type(PROBLEM_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(refusal));
}

function toProblemError(error: FastifyError | ProblemError | StackError): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof StackError) return unavailable(error);
  if (hasZodFastifySchemaValidationErrors(error)) {
    const reasons = error.validation.map(({ instancePath, message }) => `${instancePath.slice(1)}: ${message ?? ''}`);
    return new ProblemError(422, `a parameter is not what it should be: ${reasons.join('; ')}`);
  }
  const { statusCode = 500, message, code } = error;
  if (code === 'FST_ERR_BAD_URL') return new ProblemError(422, 'the path is not percent-encoded as it should be');
  if (statusCode < 500) return new ProblemError(statusCode, message);
  // A bug of ours. Its stack is for who runs the service, not for who asks.
  process.stderr.write(`This is a bug of this program:\n${error.stack ?? message}\n`);
  return new ProblemError(500, 'this is a bug of this program; it wrote more to its terminal', { code: 'BUG' });
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
  const body = JSON.stringify(problemOf(new ProblemError(status, detail)));
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
