import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';

/** The streams and the environment that the program was started with; tests bring their own. */
export interface Terminal {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly env: NodeJS.ProcessEnv;
}

export type Paint = (style: Parameters<typeof styleText>[0], text: string) => string;

/** Colours for a stream that shows them: NO_COLOR, TERM=dumb and pipes get plain text. */
export function painter(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): Paint {
  return isLively(stream, env) && !env['NO_COLOR'] ? (style, text) => styleText(style, text) : (_style, text) => text;
}

/** A terminal on which lines can be drawn again. */
export function isLively(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY && env['TERM'] !== 'dumb' && !env['CI'];
}

/** A yes or no question on the terminal; without one, the answer is no. */
export async function confirm({ stdin, stderr }: Terminal, question: string, signal: AbortSignal): Promise<boolean> {
  if (!stdin.isTTY) return false;
  const reader = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    reader.close();
  }
}
