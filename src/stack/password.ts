import { dirname, resolve } from 'node:path';
import { isOwn } from '../plan/names.ts';
import type { Container } from '../plan/resources.ts';
import { PASSWORD_FILE } from '../plan/redis-config.ts';
import { defaultPasswordFile, generatedPassword, readPassword } from '../secrets/generated.ts';
import { Secret } from '../secret.ts';
import { StackError } from '../errors.ts';
import type { Session } from './session.ts';

export function passwordFile({ spec, path, env }: Pick<Session, 'spec' | 'path' | 'env'>): string {
  const { file } = spec.secrets;
  return file === undefined ? defaultPasswordFile(spec.name, env) : resolve(dirname(path), file);
}

/** The stack's password, made where there is none. A stack that already runs gives back the one it was made with. */
export function ensurePassword(session: Session, containers: readonly Container[]): Promise<Secret> {
  return generatedPassword(passwordFile(session), () => passwordInContainers(session, containers));
}

/** The password, where there is one already. Makes none. */
export async function knownPassword(session: Session): Promise<Secret | undefined> {
  const kept = await readPassword(passwordFile(session));
  if (kept !== undefined) return kept;
  const recovered = await passwordInContainers(session, await session.engine.listContainers());
  return recovered === undefined ? undefined : new Secret(recovered);
}

/** @throws StackError NOT_RUNNING when the stack has never been up. */
export async function requirePassword(session: Session): Promise<Secret> {
  const password = await knownPassword(session);
  if (password !== undefined) return password;
  throw new StackError('NOT_RUNNING', {
    message: `the stack ${session.spec.name} has no password yet: it has never been up here`,
    hint: 'npx tsx manage.ts up',
  });
}

async function passwordInContainers(
  { engine, spec }: Session,
  containers: readonly Container[],
): Promise<string | undefined> {
  const own = containers.filter(isOwn(spec.name));
  const texts = await Promise.all(own.map(({ name }) => engine.readFile(name, PASSWORD_FILE)));
  return texts.find((text) => text !== undefined && text !== '');
}
