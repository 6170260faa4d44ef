import { randomPassword } from '../secrets/generated.ts';
import type { Session } from './session.ts';

export interface InitResult {
  /** Where the password is now. */
  readonly place: string;
  /** It was there already, and was left as it is. */
  readonly wasThere: boolean;
}

/**
 * Puts a generated password where the YAML file says that it is kept, and only where there is none. Of two that do it at
 * once, one does it.
 */
export async function initSecret({ source }: Pick<Session, 'source'>): Promise<InitResult> {
  const password = randomPassword();
  const kept = await source.create(password);
  return { place: source.description, wasThere: kept.password.reveal() !== password.reveal() };
}
