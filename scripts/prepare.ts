/**
 * `tsx scripts/prepare.ts engine`: which container engine answers. Exit code 3 where there is none on this machine, so
 * that one may be installed or started; 1 where there is one, and something else is wrong.
 * `tsx scripts/prepare.ts image`: the image that the stack names, pulled; where no registry can be reached, built here.
 */
import { main } from '../src/cli/core/main.ts';
import { locateEngine } from '../src/engine/locate.ts';
import { errorMessage, StackError } from '../src/errors.ts';
import { hintRenderer } from '../src/hint.ts';
import { ensureImage } from '../src/stack/observe/image.ts';
import { openSession } from '../src/stack/session/open.ts';

const NO_ENGINE = 3;
const PROGRAM = 'npx tsx manage.ts';

async function prepare(what: string | undefined): Promise<number> {
  const { env } = process;
  try {
    await locateEngine({ env });
  } catch (error) {
    // Only this failure looks at all the places, and tells of each.
    const places = error instanceof StackError ? error.details : [];
    if (places.length === 0 || places.some((place) => place.includes('no permission'))) throw error;
    return NO_ENGINE;
  }
  const { signal } = new AbortController();
  const options = {
    env,
    signal,
    checkout: '.',
    file: undefined,
    host: undefined,
    offline: false,
    timeoutMs: 60_000,
    report: () => undefined,
    onOpen: () => undefined,
  };
  const session = await openSession(options);
  const { endpoint } = session.engine;
  const { version } = await session.engine.version();
  console.log(`✓ container engine ${version} at ${endpoint.address} (${endpoint.source})`);
  if (what !== 'image') return 0;
  try {
    const { reference } = await ensureImage(session);
    console.log(`✓ image ${reference}`);
    return 0;
  } catch (error) {
    if (!(error instanceof StackError && error.code === 'IMAGE_UNAVAILABLE')) throw error;
    console.log(`· ${error.message}; building one here`);
    return main(['image', 'build'], { ...process, checkout: '.', program: PROGRAM, signal });
  }
}

prepare(process.argv[2]).then(
  (exitCode) => process.exit(exitCode),
  (error: unknown) => {
    console.error(`✗ ${errorMessage(error)}`);
    if (error instanceof StackError) {
      const renderHint = hintRenderer({ program: PROGRAM, file: undefined, host: undefined });
      for (const line of [...error.details, `→ ${renderHint(error.hint ?? '')}`]) console.error(`    ${line}`);
    }
    process.exit(1);
  },
);
