import type Docker from 'dockerode';
import { withinBounds, type Bounds } from '../bounds.ts';
import { errorMessage, StackError, systemErrorCode, type FailureCode } from '../errors.ts';
import { hint, run } from '../hint.ts';
import type { Endpoint } from './engine.ts';
import { SSH_FAILED } from './ssh.ts';
import { createPatience, IMPATIENT, type OnAbsence } from './patience.ts';

/** @param doing what failed, as a message says it: `start container dev-redis-1` */
type Call = <T>(doing: string, call: () => Promise<T>) => Promise<T>;

/** How calls are made of an engine: whatever they fail with is a StackError. */
export interface Calls {
  /** Without a bound of its own: it takes as long as a person or a download takes. */
  readonly attempt: Call;
  readonly bounded: Call;
  /** Bounded; it changes nothing, and is made again where the engine is away meanwhile. */
  readonly look: Call;
  readonly change: (doing: string, call: () => Promise<unknown>) => Promise<void>;
  /** Whether it is there: nothing is prepared for that. */
  readonly ping: () => Promise<unknown>;
}

/** @param prepare awaited before each call */
export function createCalls(
  docker: Docker,
  endpoint: Endpoint,
  { signal, timeoutMs }: Bounds,
  { onAbsence, prepare }: { readonly onAbsence: OnAbsence | undefined; readonly prepare: () => Promise<unknown> },
): Calls {
  const explained: Call = async (doing, call) => {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      throw engineFailure(error, doing, endpoint);
    }
  };
  const attempt: Call = (doing, call) => explained(doing, () => prepare().then(call));
  const bounded: Call = (doing, call) =>
    explained(doing, () => withinBounds(prepare().then(call), `could not ${doing}`, { signal, timeoutMs }));
  const ping = (): Promise<unknown> =>
    explained('reach it', () => withinBounds(docker.ping(), 'could not reach it', { signal, timeoutMs }));
  const patience =
    onAbsence === undefined ? IMPATIENT : createPatience({ signal, timeoutMs }, { ...onAbsence, ask: ping });
  return {
    attempt,
    bounded,
    look: (doing, call) => patience.reading(() => bounded(doing, call)),
    change: async (doing, call) => {
      await patience.changing(() => bounded(doing, call));
    },
    ping,
  };
}

/** What the call gives; undefined where it is answered with one of these. */
export async function unless<T>(statuses: readonly number[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (statuses.some((status) => hasStatus(error, status))) return undefined;
    throw error;
  }
}

export function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  return unless([404], call);
}

/** 304: the container already is what the call would make it. */
export function unlessUnchanged(call: () => Promise<unknown>): Promise<unknown> {
  return unless([304], call);
}

/**
 * Podman keeps the address of a container whose processes were killed behind its back, and then refuses it to that container.
 *
 * @param inspect gives the container whose start is refused
 * @throws StackError CONTAINER_STUCK in that case; else what the call throws
 */
export async function unlessItsOwn(
  name: string,
  start: () => Promise<unknown>,
  inspect: () => Promise<{ readonly Id: string }>,
): Promise<void> {
  try {
    await start();
  } catch (error) {
    const answer = answerText(error);
    const [, holder] = /already allocated to container ID ([0-9a-f]+)/.exec(answer) ?? [];
    if (holder === undefined || (await inspect()).Id !== holder) throw error;
    throw new StackError('CONTAINER_STUCK', {
      message: `could not start container ${name}: ${answer}, which is itself`,
      hint: STUCK_HINT,
      cause: error,
    });
  }
}

/** An error of dockerode's carries the HTTP status of the engine's answer; one of the socket does not. */
export function hasStatus(error: unknown, status: number): boolean {
  return typeof error === 'object' && error !== null && 'statusCode' in error && error.statusCode === status;
}

/** Either end refuses the other's certificate, or they have no version of TLS in common. */
function tlsReason(error: unknown, code: string): string | undefined {
  if (!/^(ERR_SSL_|ERR_TLS_|EPROTO|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(code)) return undefined;
  const reason = typeof error === 'object' && error !== null && 'reason' in error ? error.reason : undefined;
  return `TLS: ${typeof reason === 'string' ? reason : errorMessage(error)}`;
}

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ENOENT',
  'EACCES',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  SSH_FAILED,
]);

const STUCK_HINT = hint`${run('up')}   # recreates the container where that is safe; its data stays`;

/**
 * The engine gives these as prose with status 403, 404, 409 or 500: there is no code to match. The wording is that of
 * Engine 20.10 to 29 and of Podman 4 and 5.
 */
const KNOWN_ANSWERS = [
  {
    code: 'PORT_TAKEN',
    pattern:
      /port is already allocated|address already in use.*bind|bind.*address already in use|ports are not available/i,
    hint: 'Free the port, or choose another one in the YAML file under redis.nodes.<node>.ports.',
  },
  {
    code: 'SUBNET_OVERLAP',
    pattern: /pool overlaps|conflicts with network|subnet .* is already (used|being used)/i,
    hint: 'Choose another network.subnet in the YAML file.',
  },
  {
    code: 'ADDRESS_TAKEN',
    pattern: /address already in use|requested ip address .* is already allocated/i,
    hint: 'Choose another redis.nodes.<node>.ip in the YAML file.',
  },
  {
    // The address is taken on another host, the managers have no leader, or the overlay is not ready after a start: all the same.
    code: 'ATTACH_FAILED',
    pattern: /attaching to network failed|could not attach to network/i,
    hint: 'docker node ls   # on a manager: all hosts Ready? Then: docker network inspect NETWORK, for the address',
  },
  {
    // containerd has what the engine has forgotten.
    code: 'CONTAINER_STUCK',
    pattern: /task [0-9a-f]{64}: already exists|\bid already in use/i,
    hint: STUCK_HINT,
  },
  {
    // Engine 20.10 may keep a count of one that has gone, until it is restarted.
    code: 'CHANGED_MEANWHILE',
    pattern: /has active endpoints/i,
    hint: 'Run the command again. Where `docker network inspect` shows no container on it, restart the engine first: it has lost count.',
  },
  {
    // What was observed isn't so any more: another process, or the last call of one that was killed.
    code: 'CHANGED_MEANWHILE',
    pattern:
      /is already in use by|already exists|already connected|no such (container|network|volume)|network (\S+ )?not found|is in use by task|removal of container .* in progress|marked for removal|(volume|network) is (in use|being used)/i,
    hint: 'Something else changes the same resources in this moment. Run the command again.',
  },
  {
    code: 'DISK_FULL',
    pattern: /no space left on device|disk quota exceeded/i,
    hint: 'docker system df -v   # make room on the disk of the volume, or of the engine, then run the same command again',
  },
  {
    code: 'DISK_READ_ONLY',
    pattern: /read-only file system/i,
    hint: "docker volume ls --format '{{.Name}} {{.Mountpoint}}'   # make the disk of the node's volume writable, then run the same command again",
  },
  {
    code: 'IMAGE_UNAVAILABLE',
    pattern:
      /no such image|manifest unknown|no matching manifest|toomanyrequests|pull access denied|failed to resolve reference|lookup .* (no such host|on )|Client\.Timeout|network is unreachable/i,
    hint: hint`${run('image build')}   # makes a small local image, without a registry`,
  },
] as const;

/** Nothing that is just being made, or taken away, explains these. */
const LASTING: ReadonlySet<FailureCode> = new Set<FailureCode>([
  'IMAGE_UNAVAILABLE',
  'CONTAINER_STUCK',
  'DISK_FULL',
  'DISK_READ_ONLY',
]);

/** What an engine call's failure means to the user. `doing` reads like `start container dev-redis-1`. */
export function engineFailure(error: unknown, doing: string, endpoint: Endpoint): StackError {
  if (error instanceof StackError) return error;
  const code = systemErrorCode(error) ?? '';
  const tls = tlsReason(error, code);
  if (tls !== undefined || CONNECTION_CODES.has(code)) {
    const { address, source } = endpoint;
    const why = tls ?? (code === SSH_FAILED ? errorMessage(error) : code);
    return new StackError('ENGINE_UNREACHABLE', {
      message: `the container engine at ${address} (${source}) does not answer: could not ${doing} (${why})`,
      hint: remedy(address, tls !== undefined, code),
      cause: error,
    });
  }
  const answer = answerText(error);
  const known = KNOWN_ANSWERS.find(({ pattern }) => pattern.test(answer));
  return new StackError(known?.code ?? 'ENGINE_FAILED', {
    message: `could not ${doing}: ${answer}`,
    hint: known?.hint ?? run('status'),
    cause: error,
    isPassing: known !== undefined && !LASTING.has(known.code),
  });
}

function remedy(address: string, isTls: boolean, code: string): string {
  const again = 'then run the same command again: it goes on where it stopped.';
  // Their own programs ask for what is missing: a host key, a passphrase.
  if (code === SSH_FAILED) return `docker -H ${address} version   # until that answers; ${again}`;
  if (isTls) return `DOCKER_CERT_PATH=FOLDER docker --tlsverify -H ${address} version   # until that answers; ${again}`;
  return `Start the engine, ${again}`;
}

/** The engine's own sentence, without dockerode's `(HTTP code 500) server error - ` before it. */
function answerText(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'json' in error) {
    const { json } = error;
    if (typeof json === 'object' && json !== null && 'message' in json && typeof json.message === 'string') {
      return json.message.trim();
    }
  }
  return errorMessage(error)
    .replace(/^\(HTTP code \d+\) [^-]*- /, '')
    .trim();
}
