import type { LoadedStack } from './load.ts';

/** The stack of a command that names none: the one in the checkout. */
export const DEFAULT_STACK_FILE = 'infra/dev-services.yaml';

/** What to type for this very stack, to be copied: `npx tsx manage.ts up`, with `-f FILE` where it isn't the default one. */
export function commandText({ path }: Pick<LoadedStack, 'path'>, words: string): string {
  const command = `npx tsx manage.ts ${words}`;
  if (path.endsWith(`/${DEFAULT_STACK_FILE}`)) return command;
  const quoted = /^[\w./@:+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
  return `${command} -f ${quoted}`;
}
