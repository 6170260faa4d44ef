/**
 * The story of one engine and one server, told where the engine's published ports answer: `nsenter … story.ts IMAGE [short]`,
 * with the engine as DOCKER_HOST. What each step came to is one line of JSON on stdout.
 */
import { requireSuccess, startProgram, type Ended } from '../../test/helpers/program.ts';
import { makeStack, type TestStack } from '../../test/helpers/test-stack.ts';
import { parseInfo } from '../../src/cluster/nodes/view.ts';
import { errorMessage } from '../../src/errors.ts';
import type { Outcome, StepReport } from './cell.ts';
import { DRIFT } from './drift.ts';
import { LAST, OPERATIONS, SHORT, START } from './steps.ts';

/** What the steps share. */
export interface Story {
  readonly image: string;
  /** Three primaries with a replica each. */
  readonly stack: TestStack;
  /** Three nodes beside it, which the steps for them bring up. */
  readonly other: TestStack;
  /** Runs the program as people do, and fails where its exit code is not 0. */
  readonly run: (...args: readonly string[]) => Promise<Ended>;
  readonly runOn: (stack: TestStack, ...args: readonly string[]) => Promise<Ended>;
}

export interface Step {
  readonly name: string;
  /** @returns in the program's own words what the engine doesn't enforce, if that is so; @throws where a thing isn't as it should be */
  readonly tell: (story: Story) => Promise<unknown>;
}

/** Of a longer message, the beginning and the end are kept. */
const [HEAD_LENGTH, TAIL_LENGTH] = [200, 1200];

async function main([image = '', length]: readonly string[]): Promise<void> {
  const redis = `  image: ${image}\n`;
  const isShort = length === 'short';
  const [stack, other] = await Promise.all([
    makeStack({ nodeCount: isShort ? 3 : 6, replicas: isShort ? 0 : 1, redis, redisConf: 'slowlog-max-len 100\n' }),
    makeStack({ redis }),
  ]);
  const runOn: Story['runOn'] = async (on, ...args) =>
    requireSuccess(await startProgram(on, args).ended, args.join(' '));
  const story: Story = { image, stack, other, runOn, run: (...args) => runOn(stack, ...args) };
  const steps = isShort ? SHORT : [...START, ...DRIFT, ...OPERATIONS, ...LAST];
  for (const [index, { name, tell }] of steps.entries()) {
    const startedAt = performance.now();
    const outcome = await tell(story).then(
      (words): Outcome => (typeof words === 'string' ? { is: 'not enforced', message: words } : { is: 'passed' }),
      (error: unknown): Outcome => ({ is: 'failed', message: shortened(errorMessage(error)) }),
    );
    const report: StepReport = { name, ...outcome, seconds: Math.round((performance.now() - startedAt) / 100) / 10 };
    console.log(JSON.stringify(report));
    // Without a cluster, all others would only say so again.
    if (index === 0 && outcome.is === 'failed') break;
    if (index === 0) console.log(JSON.stringify({ serverVersion: await serverVersion(stack) }));
  }
  // Nothing is removed: all of it goes with the engine.
}

function shortened(text: string): string {
  if (text.length <= HEAD_LENGTH + TAIL_LENGTH) return text;
  return `${text.slice(0, HEAD_LENGTH)}\n…\n${text.slice(-TAIL_LENGTH)}`;
}

async function serverVersion(stack: TestStack): Promise<string> {
  const info = parseInfo(await stack.redis(1, 'INFO', 'server'));
  return info.get('valkey_version') ?? info.get('redis_version') ?? 'unknown';
}

void main(process.argv.slice(2));
