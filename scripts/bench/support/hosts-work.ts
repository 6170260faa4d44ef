/**
 * One piece of work on a stack, in a process that is where the nodes' published ports answer; prints how long it took, in ms.
 * Arguments: `up`, or `engines` for what these alone need for the same network and containers; the YAML file; the image.
 */
import { up } from '../../../src/stack/commands/up.ts';
import { openEngineOf, openSession } from '../../../src/stack/session/open.ts';
import { loadStack } from '../../../src/stack/session/load.ts';
import { timed } from './contest.ts';
import { LONGEST_WAIT_MS } from './context.ts';
import { startAlone } from './engine-alone.ts';

const [work = '', file = '', image = ''] = process.argv.slice(2);
const { signal } = new AbortController();
const options = {
  file,
  host: undefined,
  offline: false,
  env: process.env,
  checkout: undefined,
  timeoutMs: LONGEST_WAIT_MS,
  signal,
  report: () => undefined,
  onOpen: () => undefined,
};

async function run(): Promise<number> {
  if (work === 'up') {
    return timed(async () => up(await openSession(options, { secret: true, exclusive: 'up' })));
  }
  const stack = await loadStack(file);
  const engine = await openEngineOf(stack, options);
  return timed(() => startAlone({ engine, image, signal }, stack));
}

run().then(
  (ms) => {
    console.log(ms);
    process.exit(0);
  },
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
