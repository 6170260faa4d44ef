/** Whatever a stack stands on breaks: doctor recognises it, up has a message with the next command, and no key is lost. */
import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { FAULTS, type Fault, type Scene } from '../helpers/faults.ts';
import { findDifferences, findUnforetold } from '../helpers/plan-and-up.ts';
import { mountSmallDisk, type SmallDisk } from '../helpers/small-disk.ts';
import { makeStack, type Outcome, type TestStack } from '../helpers/test-stack.ts';

let stack: TestStack;
let disk: SmallDisk | string;
const KEYS = 300;

beforeAll(async () => {
  stack = await makeStack();
  disk = await mountSmallDisk(stack, 3);
  await stack.must('up');
  await withClient((client) => fill(client, KEYS));
});
afterAll(async () => {
  // Its volume lies on the disk, and its file in the stack's folder.
  await Promise.all([1, 2, 3].map((node) => stack.engine.removeContainer(stack.container(node))));
  if (typeof disk === 'object') disk.unmount();
  await stack.remove();
});

async function withClient<T>(work: (client: Cluster) => Promise<T>): Promise<T> {
  const client = await connectCluster(stack);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

describe.each(FAULTS.map((fault) => ({ ...fault, story: storyOf(fault) })))('$name: $story', (fault) => {
  test('up, status and doctor say so, and every key is there', async ({ skip }) => {
    if (fault.needsDisk === true && typeof disk === 'string') skip(disk);
    const scene: Scene = { stack, disk: typeof disk === 'string' ? undefined : disk };
    const { undo, argv = [] } = await fault.inflict(scene);
    try {
      const status = await stack.run('status', ...argv);
      const doctor = await stack.run('doctor', '--json', ...argv);
      const check = fault.check && (await stack.run('cluster', 'check', ...argv));
      const fix = fault.fix && (await stack.run('cluster', 'fix', '--yes', ...argv));
      const plan = await stack.run('plan', ...argv);
      const up = await stack.run('up', '--timeout', '30', ...argv);
      expect([
        ...(fault.up.mends ? findDifferences(plan, up) : findUnforetold(plan, up)),
        ...missingIn('status', status.stdout + status.stderr, fault.status),
        ...missingIn('cluster check', check?.stdout ?? '', fault.check),
        ...missingIn('cluster fix', fix?.stderr ?? '', fault.fix),
        ...unrecognised(fault, doctor),
        ...brokenPromises(fault, up),
      ]).toEqual([]);
    } finally {
      await undo();
    }
    await stack.must('up');
    expect(await withClient((client) => findMissing(client, KEYS))).toEqual([]);
  });
});

interface DoctorLine {
  readonly state: string;
  readonly text: string;
  readonly mend?: string;
}

function storyOf({ up }: Fault): string {
  return up.mends ? 'up mends it, and every key is there' : `${up.code} with the next command; then every key is there`;
}

/** Nothing where `text` is as promised; else what it should have said, and what it said. */
function missingIn(where: string, text: string, promised: RegExp | undefined): string[] {
  return promised === undefined || promised.test(text) ? [] : [`${where} does not say ${promised.source}: ${text}`];
}

function unrecognised({ doctor }: Fault, { stdout }: Outcome): string[] {
  if (doctor === undefined) return [];
  const { checks } = JSON.parse(stdout) as { checks: readonly DoctorLine[] };
  const wrong = checks.filter(({ state }) => state === 'failed' || state === 'warning');
  const isIt = ({ state, text, mend = '' }: DoctorLine): boolean =>
    doctor.state.includes(state) && doctor.text.test(text) && mend !== '';
  return wrong.some(isIt) ? [] : [`doctor does not recognise it: ${JSON.stringify(wrong, undefined, 1)}`];
}

function brokenPromises({ up }: Fault, { exitCode, stderr }: Outcome): string[] {
  if (up.mends)
    return [...missingIn('up', stderr, up.says), ...(exitCode === 0 ? [] : [`up ended with ${exitCode}: ${stderr}`])];
  const hint = /→ (.*)/.exec(stderr)?.[1] ?? '';
  return [
    ...(exitCode === 1 ? [] : [`up ended with ${exitCode}`]),
    ...missingIn('up', stderr, new RegExp(`\\[${up.code}\\]`)),
    ...missingIn('up', stderr, up.message),
    ...missingIn('its hint', hint, up.hint),
  ];
}
