import { StackError } from '../../errors.ts';
import { randomPassword } from '../../secrets/generated.ts';
import type { Session } from '../session/session.ts';

export interface InitResult {
  /** Where the password is now. */
  readonly place: string;
  /** It was there already, and was left as it is. */
  readonly wasThere: boolean;
}

/** @throws StackError USAGE: a password can't be written where nobody is asked. */
export function rejectOffline({ source, offline }: Pick<Session, 'source' | 'offline'>): void {
  if (!offline) return;
  throw new StackError('USAGE', {
    message: `--offline, and this would write to ${source.description}`,
    hint: 'Run it without --offline.',
  });
}

/**
 * Puts a generated password where the YAML file says that it is kept, and only where there is none. Of two that do it at
 * once, one does it.
 */
export async function initSecret(session: Pick<Session, 'source' | 'offline'>): Promise<InitResult> {
  const { source } = session;
  rejectOffline(session);
  const password = randomPassword();
  const kept = await source.create(password);
  return { place: source.description, wasThere: kept.password.reveal() !== password.reveal() };
}
