import type Docker from 'dockerode';
import type * as z from 'zod';
import { understood, versionAnswer } from './docker-answers.ts';

/** The Engine API 1.x that all calls and answers here were written for: that of Engine 20.10. */
const API_MINOR = 41;

/** What an engine says of itself. */
export type Identity = z.output<typeof versionAnswer>;

/** Asks an engine what it is, and has each later call name an API version that it has. */
export async function introduce(docker: Docker): Promise<Identity> {
  const identity = understood(versionAnswer, await docker.version());
  Object.assign(docker.modem, { version: apiVersionFor(identity) });
  return identity;
}

/**
 * For the path of each call: `v1.41`, or what is nearest to it of those that the engine offers. Without one, an engine
 * answers as its latest API says, and later ones leave out what earlier ones had.
 */
export function apiVersionFor(engine: Pick<Identity, 'ApiVersion' | 'MinAPIVersion'>): string {
  const minorOf = (version: string): number => Number(/^1\.(\d+)/.exec(version)?.[1] ?? API_MINOR);
  return `v1.${Math.max(Math.min(API_MINOR, minorOf(engine.ApiVersion)), minorOf(engine.MinAPIVersion || '1.0'))}`;
}

export function isPodman({ Components }: Identity): boolean {
  return Components.some(({ Name }) => Name.startsWith('Podman'));
}
