import type { StackError } from '../../src/errors.ts';
import { hintRenderer } from '../../src/hint.ts';

export const PROGRAM = 'npx tsx manage.ts';

/** A hint as a person reads it who named neither a file nor an engine. */
export const hintText = hintRenderer({ program: PROGRAM, file: undefined, host: undefined });

/** A failure as it is told to that person. */
export function asTold({ code, message, hint = '', details }: StackError): Record<string, unknown> {
  return { code, message, hint: hintText(hint), details };
}
