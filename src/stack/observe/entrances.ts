import * as z from 'zod';
import type { Endpoint } from '../../engine/engine.ts';
import type { EntranceSeen } from '../../plan/model/observed.ts';
import type { HostPort } from '../../plan/model/resources.ts';
import { proxiesOf, type RunningProxy } from '../../plan/engine/plan-proxy.ts';
import { proxyAddresses } from '../../plan/model/host-ports.ts';
import type { Session } from '../session/session.ts';
import { askProxy } from '../../proxy/opening.ts';
import { proxyHost, reachedAt } from '../connect/host-address.ts';

/** A proxy answers from memory; a Redis says at once that it knows no such command. Only what says nothing is waited for. */
const ANSWER_MS = 4000;

/** Other versions may say less, and are known all the same: they are to be replaced. */
const INFO = z.object({
  stack: z.string(),
  pid: z.int().positive(),
  version: z.string().default(''),
  digest: z.string().default(''),
  user: z.string().default(''),
  file: z.string().default(''),
  reloads: z.number().default(0),
  trouble: z.string().default(''),
  connections: z.number().default(0),
  uptimeSeconds: z.number().default(0),
});

/** Who listens at the addresses: one local connection each, and no word to any node. */
export function observeEntrances(addresses: readonly HostPort[], endpoint: Endpoint): Promise<EntranceSeen[]> {
  const unique = new Map(addresses.map((one) => [`${one.hostAddress}:${one.hostPort}`, one]));
  return Promise.all(
    [...unique.values()].map(async ({ hostAddress, hostPort }): Promise<EntranceSeen> => {
      const host = reachedAt(proxyHost(hostAddress, endpoint), endpoint);
      const answer = await askProxy({ host, port: hostPort }, { timeoutMs: ANSWER_MS });
      const holder = answer === 'nothing listens' ? 'nobody' : (INFO.safeParse(answer).data ?? 'something else');
      return { hostAddress, hostPort, holder };
    }),
  );
}

/** The stack's own, at the ports of the YAML file. */
export async function findRunningProxy({
  spec,
  engine,
}: Pick<Session, 'spec' | 'engine'>): Promise<RunningProxy | undefined> {
  return proxiesOf(spec.name, await observeEntrances(proxyAddresses(spec), engine.endpoint))[0];
}
