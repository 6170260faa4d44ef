import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { errorMessage, StackError } from '../../errors.ts';
import { parseSpec, type Problem } from '../../spec/parse.ts';
import { checkRedisConf } from '../../spec/redis-conf.ts';
import type { Spec } from '../../spec/spec.ts';

export interface LoadedStack {
  readonly spec: Spec;
  /** The YAML file, absolute. */
  readonly path: string;
  /** The text of the user's own redis.conf; empty without one. */
  readonly userConf: string;
}

/**
 * Reads a stack's YAML file and what it refers to.
 *
 * @throws StackError SPEC_INVALID with every problem of every file, each as `file:line:column message`.
 */
export async function loadStack(path: string): Promise<LoadedStack> {
  const absolute = resolve(path);
  const spec = checkStackText(
    absolute,
    await read(absolute, 'Name the stack file with -f FILE or REDIS_CLUSTER_FILE.'),
  );
  if (spec.redis.config === undefined) return { spec, path: absolute, userConf: '' };

  const confPath = resolve(dirname(absolute), spec.redis.config);
  const userConf = await read(confPath, `Correct redis.config in ${shown(absolute)}: it is relative to that file.`);
  const problems = checkRedisConf(userConf);
  if (problems.length > 0) throw invalid(confPath, problems);
  return { spec, path: absolute, userConf };
}

/** @throws StackError SPEC_INVALID with every problem of the text, as one of the file `path` */
export function checkStackText(path: string, text: string): Spec {
  const result = parseSpec(text);
  if ('problems' in result) throw invalid(path, result.problems);
  return result.spec;
}

/** A file's text, without the mark with which some editors begin it. */
async function read(path: string, hint: string): Promise<string> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new StackError('SPEC_INVALID', {
      message: `${shown(path)} can't be read: ${errorMessage(error)}`,
      hint,
      cause: error,
    });
  });
  if (isUtf16(bytes)) {
    throw new StackError('SPEC_INVALID', {
      message: `${shown(path)} is in UTF-16; nothing was changed`,
      hint: 'Save it as UTF-8. In PowerShell: (Get-Content FILE) | Set-Content -Encoding utf8 FILE',
    });
  }
  return new TextDecoder().decode(bytes);
}

/** By its mark, or by the zero in each letter. PowerShell's `>` writes it. */
function isUtf16([first, second]: Buffer): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || first === 0 || second === 0;
}

function invalid(path: string, problems: readonly Problem[]): StackError {
  const lines = problems
    .toSorted((one, other) => one.line - other.line || one.column - other.column)
    .map(
      ({ line, column, message, hint }) =>
        `${shown(path)}:${line}:${column} ${message}${hint === undefined ? '' : ` (${hint})`}`,
    );
  const count = problems.length === 1 ? 'a problem' : `${problems.length} problems`;
  return new StackError('SPEC_INVALID', {
    message: `${shown(path)} has ${count}; nothing was changed`,
    details: lines,
    hint: 'Correct the file, then run the same command again.',
  });
}

function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') ? path : fromHere;
}
