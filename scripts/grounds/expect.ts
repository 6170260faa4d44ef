import { connectCluster, findMissing } from '../../test/helpers/cluster-client.ts';
import type { Ended } from '../../test/helpers/program.ts';
import type { TestStack } from '../../test/helpers/test-stack.ts';

export const KEYS = 500;

export function requireText({ stdout, stderr }: Pick<Ended, 'stdout' | 'stderr'>, wanted: RegExp): void {
  if (!wanted.test(stdout + stderr)) throw new Error(`it doesn't say ${String(wanted)}:\n${stdout}${stderr}`);
}

/** Those that were written first are all there. */
export async function expectKeys(stack: TestStack, port: 'plain' | 'tls' = 'plain'): Promise<void> {
  const client = await connectCluster(stack, port);
  try {
    const missing = await findMissing(client, KEYS);
    if (missing.length > 0) throw new Error(`${missing.length} of ${KEYS} keys are missing`);
  } finally {
    client.disconnect();
  }
}

/** What `doctor` says of limits that the engine doesn't enforce. */
export function unenforcedIn(doctor: string): string | undefined {
  return /can't enforce .*/.exec(doctor)?.[0];
}
