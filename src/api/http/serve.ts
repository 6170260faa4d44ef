import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { StackError } from '../../errors.ts';
import { hint, run, type RenderHint } from '../../hint.ts';
import { explainListening } from '../../host/port-holder.ts';
import { readPrivateFile } from '../../kept-files.ts';
import { Secret } from '../../secret.ts';
import { describeConnection } from '../../stack/connect/connection.ts';
import { reachOf, REACH_TEXT, type Reach } from '../../stack/connect/host-address.ts';
import { openObserver } from '../../stack/commands/watch/observer.ts';
import type { Session } from '../../stack/session/session.ts';
import type { Hello } from '../inspection/live-state.ts';
import { loadPage } from './build-page.ts';
import { isLoopbackName } from './guard.ts';
import { buildService } from './service.ts';
import { connectionSnippets, type Snippet } from '../snippets/snippets.ts';

/** Where the service listens, and who may ask it. */
export interface Entrance {
  /** An address of this machine, or `localhost`. */
  readonly host: string;
  /** 0 is any that is free. */
  readonly port: number;
  readonly token: Secret | undefined;
}

const SHORTEST_TOKEN = 16;

/** @throws StackError USAGE, SECRET_UNREADABLE, before anything is opened */
export async function parseEntrance(options: {
  readonly host: string;
  readonly port: string;
  readonly tokenFile: string | undefined;
}): Promise<Entrance> {
  const { host, tokenFile } = options;
  const port = /^\d{1,5}$/.test(options.port) ? Number(options.port) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new StackError('USAGE', { message: `--port takes a number from 0 to 65535, not '${options.port}'` });
  }
  if (host !== 'localhost' && isIP(host) === 0) {
    throw new StackError('USAGE', {
      message: `--host takes an address of this machine, not '${host}'`,
      hint: hint`${run('serve --host 127.0.0.1')}   # the engine is chosen by DOCKER_HOST`,
    });
  }
  const token = tokenFile === undefined ? undefined : await readToken(tokenFile);
  if (token === undefined && !isLoopbackName(host)) {
    throw new StackError('USAGE', {
      message: `others than this machine can reach ${host}, so the service asks them for a token there`,
      hint: hint`(umask 077; openssl rand -hex 32 > serve.token); ${run('serve --host … --token-file serve.token')}`,
    });
  }
  return { host, port, token };
}

async function readToken(file: string): Promise<Secret> {
  const token = (await readPrivateFile(file, 'the token'))?.trim() ?? '';
  if (token.length >= SHORTEST_TOKEN && /^[\x21-\x7e]+$/.test(token)) return new Secret(token);
  throw new StackError('USAGE', {
    message: `${file} holds no token: that is at least ${SHORTEST_TOKEN} printable characters, and nothing else`,
    hint: `(umask 077; openssl rand -hex 32 > ${file})`,
  });
}

interface ServeOptions {
  readonly entrance: Entrance;
  /** Its folder, with the sources of the page; undefined for the package. */
  readonly checkout: string | undefined;
  /** Opens the stack anew, when its YAML file has changed. */
  readonly open: () => Promise<Session>;
  /** Ends the service. What is under way has its answer first. */
  readonly signal: AbortSignal;
  readonly onListening: (url: string) => void;
  readonly renderHint: RenderHint;
}

/**
 * Serves the inspection API and the page until `signal` is aborted.
 *
 * @throws StackError PORT_TAKEN, USAGE
 */
export async function serve(session: Session, options: ServeOptions): Promise<void> {
  const { entrance, checkout, open, signal, onListening, renderHint } = options;
  const [page, observer] = await Promise.all([loadPage(checkout), openObserver(session, open)]);
  const findReach = lastingReach();
  const service = await buildService({
    observer,
    page,
    token: entrance.token,
    connect: () => {
      const current = observer.session();
      return howToConnect(current, findReach(current), renderHint);
    },
    renderHint,
  });
  try {
    onListening(await listen(service, entrance));
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await service.close();
  }
}

/** A stack that goes down for a moment comes back where it was: whoever watches keeps the programs that he reads. */
function lastingReach(): (session: Session) => Reach {
  const direct = new WeakSet<Session>();
  return (session) => {
    const reach = reachOf(session);
    if (reach === 'direct') direct.add(session);
    return direct.has(session) ? 'direct' : reach;
  };
}

/** No snippet where there is no way from here to the nodes; what the page is told every second says why. */
function howToConnect(session: Session, reach: Reach, renderHint: RenderHint): Pick<Hello, 'reach' | 'snippets'> {
  const by = (way: Reach): Snippet[] => connectionSnippets(describeConnection(session, way), renderHint);
  try {
    const mapped = reach === 'direct' ? by('map') : [];
    const snippets = by(reach).map((snippet, index) => ({ ...snippet, mapped: mapped[index] }));
    return { reach: REACH_TEXT[reach], snippets };
  } catch (error) {
    if (error instanceof StackError) return { snippets: [] };
    throw error;
  }
}

async function listen(service: FastifyInstance, { host, port }: Entrance): Promise<string> {
  try {
    return await service.listen({ host, port });
  } catch (error) {
    throw await explainListening(error, { host, port }, run(`serve --port ${port === 65_535 ? 0 : port + 1}`));
  }
}
