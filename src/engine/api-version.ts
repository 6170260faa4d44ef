import type Docker from 'dockerode';
import type * as z from 'zod';
import { StackError } from '../errors.ts';
import type { Swarm } from '../plan/model/resources.ts';
import { infoAnswer, swarmNodeAnswers, understood, versionAnswer } from './docker-answers.ts';
import { unless } from './docker-calls.ts';
import type { Endpoint } from './engine.ts';

/** The Engine API 1.x that all calls and answers here were written for: that of Engine 20.10. */
const API_MINOR = 41;

/** What an engine says of itself. */
export type Identity = z.output<typeof versionAnswer>;

/**
 * Asks an engine what it is, and has each later call name an API version that it has.
 *
 * @throws StackError ENGINE_FAILED for one that is too old
 */
export async function introduce(docker: Docker, { address, source }: Endpoint): Promise<Identity> {
  const identity = understood(versionAnswer, await docker.version());
  const { Version, ApiVersion } = identity;
  if (minorOf(ApiVersion) < API_MINOR) {
    throw new StackError('ENGINE_FAILED', {
      message: `the container engine at ${address} (${source}), version ${Version}, is too old: its API is ${ApiVersion}, and 1.${API_MINOR} or later is needed; nothing was changed`,
      hint: 'Install a newer engine: https://docs.docker.com/engine/install   # Docker 20.10 or Podman 4.0, at the least',
    });
  }
  Object.assign(docker.modem, { version: apiVersionFor(identity) });
  return identity;
}

/**
 * For the path of each call: `v1.41`, or what is nearest to it of those that the engine offers. Without one, an engine
 * answers as its latest API says, and later ones leave out what earlier ones had.
 */
export function apiVersionFor(engine: Pick<Identity, 'ApiVersion' | 'MinAPIVersion'>): string {
  return `v1.${Math.max(Math.min(API_MINOR, minorOf(engine.ApiVersion)), minorOf(engine.MinAPIVersion || '1.0'))}`;
}

/** One that says nothing of it is believed to have what these calls want. */
function minorOf(version: string): number {
  return Number(/^1\.(\d+)/.exec(version)?.[1] ?? API_MINOR);
}

export function isPodman({ Components }: Identity): boolean {
  return Components.some(({ Name }) => Name.startsWith('Podman'));
}

export async function readSwarm(docker: Docker, identity: Identity): Promise<Swarm> {
  if (isPodman(identity)) return { nodeId: '', state: 'unknown', isManager: false, nodes: [] };
  const before = Date.now();
  const { Swarm: swarm, MemTotal, SystemTime } = understood(infoAnswer, await docker.info());
  const roundTripMs = Date.now() - before;
  const { NodeID: nodeId = '', LocalNodeState: state = 'inactive', ControlAvailable: isManager = false } = swarm ?? {};
  // Without a leader they are answered with an error.
  const nodes = isManager ? await unless([500, 503], () => docker.listNodes()) : undefined;
  return {
    nodeId,
    state,
    isManager,
    memoryBytes: MemTotal,
    // Compared with the middle of the time that the question took; known no better than half of that.
    clockAheadMs: towardsZero(Date.parse(SystemTime) - before - roundTripMs / 2, roundTripMs / 2),
    nodes: understood(swarmNodeAnswers, nodes ?? []).map(({ ID, Spec }) => ({
      id: ID,
      isManager: Spec.Role === 'manager',
      isAvailable: Spec.Availability === 'active',
    })),
  };
}

/** 0 where a time is not told. */
function towardsZero(ms: number, byMs: number): number {
  return Number.isNaN(ms) ? 0 : Math.sign(ms) * Math.max(Math.abs(ms) - byMs, 0);
}
