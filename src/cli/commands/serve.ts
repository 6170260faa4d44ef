import type { Command, OptionValues } from '../core/command.ts';
import { painter } from '../core/terminal.ts';

/** Of a look at the engine. Whoever asks is answered in seconds, whatever the engine does. */
const LOOK_TIMEOUT_MS = 3000;

export const serve: Command = {
  name: 'serve',
  summary: 'an HTTP inspection API and a live page, read-only, until Ctrl-C',
  options: [
    { flags: '--port <port>', summary: 'where it listens; 0 is any that is free (default: 8000)' },
    { flags: '--host <address>', summary: 'on which address; others than loopback need a token (default: 127.0.0.1)' },
    { flags: '--token-file <file>', summary: 'a file with the token that everybody has to show' },
  ],
  run: async ({ openSession, options, terminal, json, signal, root, timeoutMs, endProgress }) => {
    const { parseEntrance, serve: serveUntil } = await import('../../api/http/serve.ts');
    const entrance = await parseEntrance({
      host: textOf(options['host']) ?? '127.0.0.1',
      port: textOf(options['port']) ?? '8000',
      tokenFile: textOf(options['tokenFile']),
    });
    // What is under way when the service is told to end has its answer first.
    const bounds = { signal: new AbortController().signal, timeoutMs: Math.min(timeoutMs, LOOK_TIMEOUT_MS) };
    const open = (): ReturnType<typeof openSession> => openSession({ bounds });
    const session = await open();
    const { stdout, env } = terminal;
    const onListening = (url: string): void => {
      endProgress();
      if (json) stdout.write(`${JSON.stringify({ url })}\n`);
      else {
        const paint = painter(stdout, env);
        stdout.write(`${paint('green', '✓')} ${session.spec.name} at ${paint('bold', url)}, until Ctrl-C
  ${url}/docs   the API and its documentation
  ${url}/metrics   for Prometheus\n`);
      }
    };
    await serveUntil(session, { entrance, root, open, signal, onListening });
    return 0;
  },
};

function textOf(value: OptionValues[string]): string | undefined {
  return value === undefined ? undefined : String(value);
}
