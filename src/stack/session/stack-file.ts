import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';

/** What a project calls its stack's file. */
export const STACK_FILE = 'redis-cluster.yaml';
/** Names the file where no `-f` does. */
const FILE_VARIABLE = 'REDIS_CLUSTER_FILE';

/** From where a stack's YAML file is looked for. */
export interface FileSearch {
  /** As it was named with `-f`. */
  readonly file: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** The folder of the checkout that the program runs from, where it runs from one: its file is the last to be taken. */
  readonly checkout: string | undefined;
}

/** @throws StackError USAGE where none is named and none is found */
export function stackFile({ checkout, ...named }: FileSearch): string {
  const found = namedFile(named) ?? findUpwards();
  if (found !== undefined) return found;
  if (checkout !== undefined) return join(checkout, 'infra/dev-services.yaml');
  throw new StackError('USAGE', {
    message: `no ${STACK_FILE} in ${process.cwd()} or above it, and neither -f nor ${FILE_VARIABLE} names another file`,
    hint: run('init'),
  });
}

export function namedFile({ file, env }: Omit<FileSearch, 'checkout'>): string | undefined {
  return file ?? (env[FILE_VARIABLE] || undefined);
}

/** Whether it is found from here without being named. */
export function isFoundUnnamed(file: string, search: Omit<FileSearch, 'file'>): boolean {
  try {
    return resolve(file) === resolve(stackFile({ ...search, file: undefined }));
  } catch {
    return false;
  }
}

/** The nearest one, not beyond the repository's root. */
function findUpwards(): string | undefined {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const candidate = join(folder, STACK_FILE);
    if (existsSync(candidate)) return candidate;
    if (existsSync(join(folder, '.git')) || folder === dirname(folder)) return undefined;
  }
}
