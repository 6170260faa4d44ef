import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import type { Secret } from '../../secret.ts';
import { ProblemError } from './problem.ts';

export interface Admission {
  /** Whoever asks must show it; undefined where only this machine can ask. */
  readonly token: Secret | undefined;
}

/** Asked often, by who has no token, and tells nothing. */
const OPEN_TO_ALL = '/healthz';

/**
 * Who may ask at all.
 *
 * A page of another site can make a browser on this machine ask: under a name of its own that it lets point to 127.0.0.1 (the
 * Host header tells), or across origins (the Origin header does). Where a token is asked for, a name doesn't matter: the
 * browser sends it to the name only for which it was typed in.
 *
 * @throws ProblemError 401, 403, 405 or 421
 */
export function admit({ method, url, headers }: FastifyRequest, { token }: Admission): void {
  const { host = '', origin, authorization } = headers;
  if (token === undefined && !isLoopbackName(hostName(host))) {
    throw new ProblemError(421, `this service does not answer to the name ${host || '(none)'}`, {
      hint: 'Ask it as 127.0.0.1 or localhost.',
    });
  }
  // A proxy in front may have made https of it.
  if (origin !== undefined && ![`http://${host}`, `https://${host}`].includes(origin)) {
    throw new ProblemError(403, `pages of ${origin} may not ask this service`);
  }
  if (method !== 'GET' && method !== 'HEAD') {
    const headersOfRefusal = { allow: 'GET, HEAD' };
    throw new ProblemError(405, `${method} is not possible: this service only shows`, {}, headersOfRefusal);
  }
  if (token !== undefined && url.split('?', 1)[0] !== OPEN_TO_ALL && !isShown(token, authorization)) {
    throw new ProblemError(
      401,
      'this service asks for its token',
      { hint: 'curl -H "Authorization: Bearer $(cat TOKEN_FILE)" …; in a browser it is the password, with any name' },
      // A browser asks its user then, and shows what it was told with every request of the page.
      { 'www-authenticate': 'Basic realm="redis-cluster-as-code", charset="UTF-8"' },
    );
  }
}

/** `Host` without its port. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}

export function isLoopbackName(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '[::1]' || name === '::1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}

/** As a bearer, or as the password of Basic. */
function isShown(token: Secret, authorization = ''): boolean {
  const [, scheme = '', credentials = ''] = /^(\S+)\s+(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return isSame(credentials, token);
  if (scheme.toLowerCase() !== 'basic') return false;
  const decoded = Buffer.from(credentials, 'base64').toString('utf8');
  return isSame(decoded.slice(decoded.indexOf(':') + 1), token);
}

/** Takes as long whatever is the same in both. */
function isSame(shown: string, token: Secret): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(shown), digest(token.reveal()));
}
