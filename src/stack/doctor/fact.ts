import { StackError } from '../../errors.ts';

/** Something isn't known, because of what another line is about. */
export class Unknown extends Error {}

/** Something that checks build upon, found out once. */
export interface Fact<T> {
  /** For the check that is about it: with why it can't be known. */
  readonly find: () => Promise<T>;
  /** For all others. @throws Unknown */
  readonly know: () => Promise<T>;
}

/** @param otherwise what is so where it can't be found out: `the engine does not answer` */
export function fact<T>(otherwise: string, findOut: () => Promise<T>): Fact<T> {
  let found: Promise<T> | undefined;
  const find = (): Promise<T> => (found ??= findOut());
  return {
    find,
    know: async () => {
      try {
        return await find();
      } catch (error) {
        // What it builds upon itself isn't known: that is the reason to tell.
        throw error instanceof StackError ? new Unknown(otherwise) : error;
      }
    },
  };
}
