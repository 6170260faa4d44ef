import type { ConnectionOptions } from '../session/open.ts';
import { checkAddresses, checkEngine, checkHostLinks, checkImage, checkObstacles } from './engine-checks.ts';
import {
  checkAnnounced,
  checkAnswers,
  checkReach,
  checkRoles,
  checkSlots,
  checkTables,
  checkTlsAnswers,
} from './cluster-checks.ts';
import { checkBus, checkContainers, checkDrift, checkLimits } from './container-checks.ts';
import { checkClocks, checkMemory, checkRoom, checkVolumes, checkWrites } from './data-checks.ts';
import { failed, skipped, type Check, type Heading, type Line } from './diagnosis.ts';
import { gatherFacts, type Facts } from './facts.ts';
import {
  checkCertificates,
  checkLock,
  checkNames,
  checkNode,
  checkPassword,
  checkProxy,
  checkStateFolder,
  checkYaml,
} from './host-checks.ts';
import { setMaxListeners } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { withinBounds, type Bounds } from '../../bounds.ts';
import { errorMessage, StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { Unknown } from './fact.ts';

export interface Diagnosis {
  /** undefined where the YAML file can't be read. */
  readonly stack: string | undefined;
  /** Nothing failed. */
  readonly isOk: boolean;
  /** In the order of HEADINGS. */
  readonly checks: readonly Check[];
}

/** The longest that one question to the engine, to Vault or to a node may take. */
const QUESTION_MS = 10_000;
/** The longest that anything may take: some questions build upon others. */
const CHECK_MS = 30_000;

const CHECKS: readonly (readonly [Heading, string, (facts: Facts) => Promise<readonly Line[]>])[] = [
  ['Program', 'Node.js', checkNode],
  ['Program', 'YAML file', checkYaml],
  ['Program', 'state folder', checkStateFolder],
  ['Program', 'lock', checkLock],
  ['Engine', 'engine', checkEngine],
  ['Engine', 'image', checkImage],
  ['Network', 'obstacles', checkObstacles],
  ['Network', 'addresses', checkAddresses],
  ['Network', 'host names', checkNames],
  ['Network', 'hosts', checkHostLinks],
  ['Secrets and Certificates', 'password', checkPassword],
  ['Secrets and Certificates', 'certificates', checkCertificates],
  ['Node Failures', 'containers', checkContainers],
  ['Node Failures', 'volumes', checkVolumes],
  ['Node Failures', 'disk', checkRoom],
  ['Node Failures', 'persistence', checkWrites],
  ['Node Failures', 'memory', checkMemory],
  ['Node Failures', 'clock', checkClocks],
  ['Node Failures', 'roles', checkRoles],
  ['Node Failures', 'limits', checkLimits],
  ['Node Failures', 'drift', checkDrift],
  ['Connection Issues', 'nodes', checkAnswers],
  ['Connection Issues', 'nodes over TLS', checkTlsAnswers],
  ['Connection Issues', 'reach', checkReach],
  ['Connection Issues', 'proxy', checkProxy],
  ['Connection Issues', 'announced', checkAnnounced],
  ['Connection Issues', 'bus', checkBus],
  ['Cluster Not Forming', 'node tables', checkTables],
  ['Missing Slots', 'slots', checkSlots],
];

/**
 * Why things don't work, as far as it can be told: whatever fails keeps no other check from its answer. Reads only, takes
 * no lock, and is done within seconds.
 *
 * @param useFacts may do more with what was found out, before what it is read from is closed
 */
export async function diagnose<T>(
  given: ConnectionOptions,
  useFacts: (facts: Facts, diagnosis: Diagnosis) => Promise<T>,
): Promise<T> {
  const options = { ...given, timeoutMs: Math.min(given.timeoutMs, QUESTION_MS) };
  const facts = gatherFacts(options);
  try {
    const groups = CHECKS.map(([heading, subject, look]) => ({ heading, subject, look: () => look(facts) }));
    const checks = await runChecks(groups, { signal: options.signal, timeoutMs: CHECK_MS });
    const stack = await facts.stack.find().catch(() => undefined);
    const isOk = checks.every(({ state }) => state !== 'failed');
    return await useFacts(facts, { stack: stack?.spec.name, isOk, checks });
  } finally {
    facts.close();
  }
}

/** Things that are looked at together, and that fail together where they can't be. */
export interface CheckGroup {
  readonly heading: Heading;
  /** What a line is about that says why nothing could be looked at. */
  readonly subject: string;
  readonly look: () => Promise<readonly Line[]>;
}

/**
 * All of them side by side. Whatever ends one keeps no other from its answer, and none takes longer than `bounds`.
 *
 * @throws only what `bounds.signal` was aborted with
 */
export async function runChecks(groups: readonly CheckGroup[], bounds: Bounds): Promise<Check[]> {
  // Every check that is under way listens to it.
  setMaxListeners(0, bounds.signal);
  const checks = await Promise.all(
    groups.map(async (group): Promise<Check[]> => {
      const lines = await guarded(group, bounds);
      return lines.map((line) => ({ heading: group.heading, ...line }));
    }),
  );
  return checks.flat().filter(isNews);
}

/** Two checks may come upon one mistake, and then know the same remedy. */
function isNews({ subject, mend, state }: Check, index: number, all: readonly Check[]): boolean {
  if (state !== 'failed') return true;
  return !all
    .slice(0, index)
    .some((one) => one.state === state && one.subject === subject && isDeepStrictEqual(one.mend, mend));
}

async function guarded({ subject, look }: CheckGroup, bounds: Bounds): Promise<readonly Line[]> {
  try {
    return await withinBounds(look(), `the check of ${subject} was not done`, bounds);
  } catch (error) {
    bounds.signal.throwIfAborted();
    if (error instanceof Unknown) return [skipped(subject, error.message)];
    if (error instanceof StackError) {
      const { message, details } = error;
      return [failed(subject, [message, ...details].join('\n'), error.hint ?? run('status'))];
    }
    const text = `this check has a mistake of its own: ${errorMessage(error)}`;
    return [failed(subject, text, hint`${run('doctor --bundle doctor.tar.gz')}   # and report it`)];
  }
}
