/** Whatever a stack stands on breaks: doctor recognises it, up has a message with the next command, and no key is lost. */
import type { Cluster } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectCluster, fill, findMissing } from '../helpers/cluster-client.ts';
import { FAULTS, type Fault, type Scene } from '../helpers/faults.ts';
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

describe.each(FAULTS)('$name', (fault) => {
  test(storyOf(fault), async ({ skip }) => {
    if (fault.needsDisk === true && typeof disk === 'string') skip(disk);
    const scene: Scene = { stack, disk: typeof disk === 'string' ? undefined : disk };
    const { undo, argv = [] } = await fault.inflict(scene);
    try {
      if (fault.status !== undefined) {
        const { stdout, stderr } = await stack.run('status', ...argv);
        expect(stdout + stderr).toMatch(fault.status);
      }
      if (fault.doctor !== undefined) {
        const { checks } = JSON.parse((await stack.run('doctor', '--json', ...argv)).stdout) as {
          checks: DoctorLine[];
        };
        const wrong = checks.filter(({ state }) => state === 'failed' || state === 'warning');
        const { state, text } = fault.doctor;
        const line = wrong.find((one) => state.includes(one.state) && text.test(one.text));
        expect(line, JSON.stringify(wrong, undefined, 1)).toBeDefined();
        expect(line?.mend).toMatch(/./);
      }
      expectAsPromised(fault, await stack.run('up', '--timeout', '30', ...argv));
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

function expectAsPromised({ up }: Fault, { exitCode, stderr }: Outcome): void {
  if (up.mends) {
    expect(stderr).not.toContain('✗');
    expect(exitCode).toBe(0);
    if (up.says !== undefined) expect(stderr).toMatch(up.says);
    return;
  }
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`[${up.code}]`);
  expect(stderr).toMatch(up.message);
  const hint = /→ (.*)/.exec(stderr)?.[1] ?? '';
  expect(hint).toMatch(up.hint);
}
