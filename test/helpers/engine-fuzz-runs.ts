/** Commands of the program against an engine whose answers are damaged, and what has to hold for each of them. */
import { dockerSocket, makeStack, runMain, type TestStack } from './test-stack.ts';
import { damagingEngine, recordingEngine, type DamageTally, type Recording } from './engine-fuzz.ts';

export interface FuzzTally extends DamageTally {
  runs: number;
  longestMs: number;
  readonly exitCodes: Map<number, number>;
  readonly failureCodes: Map<string, number>;
}

const COMMANDS = [
  ['status'],
  ['status', '--json'],
  ['plan'],
  ['up'],
  ['down'],
  ['down', '--volumes', '--yes'],
  ['restart'],
  ['restart', 'redis-2'],
  ['logs'],
  ['logs', 'redis-1', '--tail', '5'],
  ['cluster', 'check'],
  ['cluster', 'nodes'],
  ['env'],
] as const;

/** What a real engine says while a small stack comes, is looked at, and goes. Its ports are free afterwards. */
export async function recordStack(): Promise<{ readonly stack: TestStack; readonly recording: Recording }> {
  const recording: Recording = new Map();
  const stack = await makeStack({ tls: '{ enabled: false }' });
  const engine = await recordingEngine(dockerSocket(stack.engine), recording);
  try {
    const env = { ...stack.env, DOCKER_HOST: engine.address };
    for (const [index, command] of [['up'], ...COMMANDS, ['plan'], ['up'], ['down', '--volumes', '--yes']].entries()) {
      const { exitCode, stdout, stderr } = await runMain([...command, '-f', stack.file], env);
      if (index === 0 && exitCode !== 0) throw new Error(`could not be recorded: ${stdout}${stderr}`);
    }
  } finally {
    engine.close();
    await stack.removeResources();
  }
  return { stack, recording };
}

/** Runs commands until so many answers were damaged. Throws for a run that ends in anything but words for its user. */
export async function runOnDamage(
  { stack, recording }: Awaited<ReturnType<typeof recordStack>>,
  { answers, seed, atOnce }: { readonly answers: number; readonly seed: number; readonly atOnce: number },
): Promise<FuzzTally> {
  const random = randomOf(seed);
  const tally: FuzzTally = {
    answers: 0,
    damaged: 0,
    kinds: new Map(),
    runs: 0,
    longestMs: 0,
    exitCodes: new Map(),
    failureCodes: new Map(),
  };
  const uncaught: unknown[] = [];
  const onUncaught = (error: unknown): void => void uncaught.push(error);
  process.on('unhandledRejection', onUncaught).on('uncaughtException', onUncaught);
  const worker = async (): Promise<void> => {
    while (tally.damaged < answers) {
      const command = COMMANDS[Math.floor(random() * COMMANDS.length)] ?? ['status'];
      await runOnce(command, stack, recording, random, tally);
      if (uncaught.length > 0) throw new Error(`uncaught (seed ${seed}): ${command.join(' ')}`, { cause: uncaught[0] });
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, worker));
  } finally {
    process.off('unhandledRejection', onUncaught).off('uncaughtException', onUncaught);
  }
  return tally;
}

/** Many waits of 0.3 s each, and the processor may be busy with others. */
const LONGEST_RUN_MS = 30_000;

async function runOnce(
  command: readonly string[],
  stack: TestStack,
  recording: Recording,
  random: () => number,
  tally: FuzzTally,
): Promise<void> {
  const engine = await damagingEngine(recording, random, tally);
  const start = performance.now();
  try {
    // Each in its own state folder: no lock of another is waited for.
    const env = {
      ...stack.env,
      DOCKER_HOST: engine.address,
      XDG_STATE_HOME: `${stack.folder}/state-${tally.runs % 64}`,
    };
    tally.runs += 1;
    const run = runMain([...command, '-f', stack.file, '--timeout', '0.3'], env);
    const outcome = await Promise.race([run, hang()]);
    if (outcome === undefined) throw new Error(`${command.join(' ')} hangs`);
    const { exitCode, stdout, stderr } = outcome;
    if (stderr.includes('This is a bug of this program')) throw new Error(`${command.join(' ')}: ${stderr}`);
    if (![0, 1, 2, 3].includes(exitCode)) throw new Error(`${command.join(' ')} ended with ${exitCode}: ${stderr}`);
    if (exitCode !== 0 && `${stdout}${stderr}` === '')
      throw new Error(`${command.join(' ')}: ${exitCode} without a word`);
    tally.exitCodes.set(exitCode, (tally.exitCodes.get(exitCode) ?? 0) + 1);
    const code = /\[([A-Z_]+)\]$/m.exec(stderr)?.[1];
    if (code !== undefined) tally.failureCodes.set(code, (tally.failureCodes.get(code) ?? 0) + 1);
    tally.longestMs = Math.max(tally.longestMs, performance.now() - start);
  } finally {
    engine.close();
  }
}

function hang(): Promise<undefined> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(undefined), LONGEST_RUN_MS).unref();
  });
}

/** The same numbers for the same seed (mulberry32), as long as one command runs at a time. */
function randomOf(seed: number): () => number {
  let state = Math.trunc(seed);
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
