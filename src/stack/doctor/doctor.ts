import type { ConnectionOptions } from '../session/open.ts';
import { checkAddresses, checkObstacles } from './network-checks.ts';
import { checkAnnounced, checkRoles, checkSlots, checkTables } from './cluster-checks.ts';
import { checkContainers, checkDrift } from './container-checks.ts';
import { checkClocks, checkMemory, checkRoom, checkVolumes, checkWrites } from './data-checks.ts';
import type { Check, Heading, Line } from './diagnosis.ts';
import { checkEngine, checkImage } from './engine-checks.ts';
import { gatherFacts, type Facts } from './facts.ts';
import { checkLock, checkNode, checkStateFolder, checkYaml } from './host-checks.ts';
import { checkAnswers, checkTlsAnswers } from './node-checks.ts';
import { runChecks } from './run-checks.ts';
import { checkCertificates, checkPassword } from './secret-checks.ts';

export interface Diagnosis {
  /** undefined where the YAML file can't be read. */
  readonly stack: string | undefined;
  /** Nothing failed. */
  readonly isOk: boolean;
  /** In the order of HEADINGS. */
  readonly checks: readonly Check[];
}

/** The longest that one question to the engine, to Vault or to a node may take. */
const QUESTION_MS = 5000;
/** The longest that anything may take: some questions build upon others. */
const CHECK_MS = 15_000;

const CHECKS: readonly (readonly [Heading, string, (facts: Facts) => Promise<readonly Line[]>])[] = [
  ['Program', 'Node.js', checkNode],
  ['Program', 'YAML file', checkYaml],
  ['Program', 'state folder', checkStateFolder],
  ['Program', 'lock', checkLock],
  ['Engine', 'engine', checkEngine],
  ['Engine', 'image', checkImage],
  ['Network', 'obstacles', checkObstacles],
  ['Network', 'addresses', checkAddresses],
  ['Secrets and Certificates', 'password', checkPassword],
  ['Secrets and Certificates', 'certificates', checkCertificates],
  ['Node Failures', 'containers', checkContainers],
  ['Node Failures', 'volumes', checkVolumes],
  ['Node Failures', 'disk', checkRoom],
  ['Node Failures', 'persistence', checkWrites],
  ['Node Failures', 'memory', checkMemory],
  ['Node Failures', 'clock', checkClocks],
  ['Node Failures', 'roles', checkRoles],
  ['Node Failures', 'drift', checkDrift],
  ['Connection Issues', 'nodes', checkAnswers],
  ['Connection Issues', 'nodes over TLS', checkTlsAnswers],
  ['Connection Issues', 'announced', checkAnnounced],
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
