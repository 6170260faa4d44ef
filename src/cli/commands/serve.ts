import { textOf, type Command } from '../core/command.ts';
import { screenOn } from '../core/output.ts';

/** Of a look at the engine. Whoever asks is answered in seconds, whatever the engine does. */
const LOOK_TIMEOUT_MS = 3000;

export const serve: Command = {
  name: 'serve',
  summary: 'an HTTP inspection API and a live page, read-only, until Ctrl-C',
  options: {
    '--port <port>': 'where it listens; 0 is any that is free (default: 8000)',
    '--host <address>': 'on which address; others than loopback need a token (default: 127.0.0.1)',
    '--token-file <file>': 'a file with the token that everybody has to show',
  },
  run: async ({ openSession, options, terminal, json, signal, connection, endProgress, renderHint }) => {
    const { parseEntrance, serve: serveUntil } = await import('../../api/http/serve.ts');
    const entrance = await parseEntrance({
      host: textOf(options, 'host') ?? '127.0.0.1',
      port: textOf(options, 'port') ?? '8000',
      tokenFile: textOf(options, 'tokenFile'),
    });
    // What is under way when the service is told to end has its answer first.
    const bounds = { signal: new AbortController().signal, timeoutMs: Math.min(connection.timeoutMs, LOOK_TIMEOUT_MS) };
    const open = (): ReturnType<typeof openSession> => openSession({ bounds });
    const session = await open();
    const onListening = (url: string): void => {
      endProgress();
      if (json) {
        terminal.stdout.write(`${JSON.stringify({ url })}\n`);
        return;
      }
      const { good, line, paint } = screenOn(terminal, renderHint);
      good(`${session.spec.name} at ${paint('bold', url)}, until Ctrl-C`);
      line(`  ${url}/docs   the API and its documentation`);
      line(`  ${url}/metrics   for Prometheus`);
    };
    await serveUntil(session, { entrance, checkout: connection.checkout, open, signal, onListening, renderHint });
    return 0;
  },
};
