/**
 * `tsx scripts/prepare.ts engine`: exit code 0 when a container engine answers, and which.
 * `tsx scripts/prepare.ts image`: the image that the stack names, pulled; where no registry can be reached, built here.
 */
import { main } from '../src/cli/main.ts';
import { connectDocker } from '../src/engine/docker.ts';
import { locateEngine } from '../src/engine/locate.ts';
import { errorMessage, StackError } from '../src/errors.ts';
import { ensureImage } from '../src/stack/image.ts';
import { loadStack } from '../src/stack/load.ts';

const DEFAULT_FILE = 'infra/dev-services.yaml';

async function prepare(what: string | undefined): Promise<number> {
  const signal = new AbortController().signal;
  const { env } = process;
  const timeoutMs = 60_000;
  const engine = await connectDocker(await locateEngine({ env }), { signal, timeoutMs });
  const { version } = await engine.version();
  console.log(`✓ container engine ${version} at ${engine.endpoint.address} (${engine.endpoint.source})`);
  if (what !== 'image') return 0;
  try {
    const { reference } = await ensureImage({
      ...(await loadStack(DEFAULT_FILE)),
      engine,
      env,
      signal,
      timeoutMs,
      report: () => undefined,
    });
    console.log(`✓ image ${reference}`);
    return 0;
  } catch (error) {
    if (!(error instanceof StackError && error.code === 'IMAGE_UNAVAILABLE')) throw error;
    console.log(`· ${error.message}; building one here`);
    return main(['image', 'build'], { ...process, root: '.', signal });
  }
}

prepare(process.argv[2]).then(
  (exitCode) => {
    process.exitCode = exitCode;
  },
  (error: unknown) => {
    console.error(`✗ ${errorMessage(error)}`);
    if (error instanceof StackError)
      for (const line of [...error.details, `→ ${error.hint ?? ''}`]) console.error(`    ${line}`);
    process.exitCode = 1;
  },
);
