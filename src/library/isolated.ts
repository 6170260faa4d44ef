import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { connectDocker } from '../engine/docker.ts';
import { locateEngine } from '../engine/locate.ts';
import { hasCode, type FailureCode } from '../errors.ts';
import { holdingOwner } from '../host/owner.ts';
import { LABELS } from '../plan/model/names.ts';
import { readConnection, type ConnectionInfo } from '../stack/connect/connection.ts';
import { down } from '../stack/commands/down.ts';
import { up } from '../stack/commands/up.ts';
import { loadStack } from '../stack/session/load.ts';
import { sessionOf } from '../stack/session/open.ts';
import { openSource } from '../stack/session/source.ts';
import { lockFiles } from '../stack/session/lock-files.ts';
import { lockStack } from '../stack/session/stack-lock.ts';
import type { Report, Session } from '../stack/session/session.ts';
import { OWNER_FILE, stateFolder } from '../user-folders.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { configOf, documentOf, parseOptions, PORTS_PER_NODE, type Choice } from './options.ts';
import { findPlace } from './place.ts';
import { reaperFor } from './reaper-process.ts';

/** A cluster that is nobody else's: its own name, network, ports, password and files. */
export interface Isolated {
  readonly session: Session;
  readonly connection: ConnectionInfo;
  /** Removes all of it; one that is to be used again stays. */
  readonly stop: () => Promise<void>;
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly report: Report;
}

/** Somebody was quicker: another port, another subnet. */
const TAKEN: readonly FailureCode[] = ['PORT_TAKEN', 'SUBNET_OVERLAP', 'ADDRESS_TAKEN'];
const MOST_PLACES = 20;

/**
 * Starts a cluster and verifies it. What it fails with leaves nothing behind.
 *
 * @throws StackError USAGE for options that make no cluster; whatever `up` throws
 */
export async function startIsolated(options: ClusterOptions, surroundings: Surroundings): Promise<Isolated> {
  const choice = parseOptions(options);
  const bounds = { signal: new AbortController().signal, timeoutMs: choice.timeoutMs };
  const name = choice.reuse ? `reuse-${digest(choice)}` : `test-${randomBytes(4).toString('hex')}`;
  const place = { ...surroundings, ...bounds, spec: { name } };
  const reaper = choice.reuse ? undefined : reaperFor(choice.host, surroundings.env);
  const labels = choice.reuse ? {} : { [LABELS.owner]: await holdingOwner() };
  const settings = await locateEngine({ host: choice.host, env: surroundings.env });
  const engine = await connectDocker(settings, bounds, { labels });
  // What is aborted can still be removed.
  const starting = await connectDocker(settings, { ...bounds, signal: choice.signal }, { labels });
  const folder = stateFolder(name, surroundings.env);
  const remove = async (): Promise<void> => {
    await down({ engine, ...surroundings, ...bounds }, name, {
      withVolumes: true,
      confirm: async () => true,
      command: `down --name ${name}`,
    });
    await rm(folder, { recursive: true, force: true });
    reaper?.drop(name);
  };

  const attempt = async (isFirst: boolean): Promise<Session> => {
    const file = join(folder, 'redis-cluster.yaml');
    const isThere = choice.reuse && isFirst && (await readFile(file).catch(() => undefined)) !== undefined;
    if (!isThere) {
      const nodeCount = choice.nodes * (choice.replicas + 1);
      const document = documentOf(name, choice, await findPlace(starting, nodeCount * PORTS_PER_NODE));
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (!choice.reuse) await writeFile(join(folder, OWNER_FILE), labels[LABELS.owner] ?? '');
      await writeFile(join(folder, 'redis.conf'), configOf(choice));
      await writeFile(file, stringify(document));
    }
    const stack = await loadStack(file);
    const session = sessionOf(stack, openSource(stack, { ...surroundings, ...bounds }), engine, {
      ...surroundings,
      ...bounds,
    });
    await up({ ...session, engine: starting, signal: choice.signal }, { lasting: TAKEN });
    return session;
  };

  const lock = choice.reuse ? await lockStack(place, 'start', await lockFiles(name, surroundings.env)) : undefined;
  try {
    // One that is to be used again keeps its data, wherever it moves.
    const session = await untilPlaced(attempt, choice.reuse ? async () => undefined : remove);
    reaper?.hold(name);
    // Plain data for any process: where that runs, the published ports may be all that answers.
    const connection = await readConnection(session, 'map');
    return {
      session,
      connection,
      stop: choice.reuse ? async () => undefined : remove,
    };
  } catch (error) {
    if (!choice.reuse) await remove().catch(() => undefined);
    throw error;
  } finally {
    await lock?.release();
  }
}

/** Each time in another place, until nobody else is quicker. */
async function untilPlaced<T>(attempt: (isFirst: boolean) => Promise<T>, makeRoom: () => Promise<void>): Promise<T> {
  for (let count = 1; ; count += 1) {
    try {
      return await attempt(count === 1);
    } catch (error) {
      if (!hasCode(error, ...TAKEN) || count === MOST_PLACES) throw error;
      await makeRoom();
    }
  }
}

/** The same options make the same cluster. */
function digest(choice: Choice): string {
  const made = JSON.stringify({ ...choice, signal: undefined, timeoutMs: undefined });
  return createHash('sha256').update(made).digest('hex').slice(0, 8);
}
