import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { PASSWORD_FILE } from '../../plan/node/redis-config.ts';
import { Secret } from '../../secret.ts';
import { randomPassword } from '../../secrets/source.ts';
import type { Session } from '../session/session.ts';

/**
 * The password that the stack should have. One of a file is made where there is none; a stack that already runs gives
 * back the one it was made with.
 *
 * @throws StackError SECRET_MISSING when Vault is not to be asked and no container holds it: nothing else stands in for it.
 */
export async function ensurePassword(session: Session): Promise<Secret> {
  const { source, secret, spec, report } = session;
  if (secret !== undefined) return secret.password;
  if (source.file !== undefined) {
    const kept = await source.read();
    if (kept !== undefined) return kept.password;
  }
  const running = await passwordOfAny(session);
  if (source.file !== undefined) {
    if (running !== undefined)
      report({ subject: 'password', state: 'done', text: `the nodes' own is kept in ${source.file}` });
    return (await source.create(running ?? randomPassword())).password;
  }
  if (running !== undefined) return running;
  throw new StackError('SECRET_MISSING', {
    message: `--offline, and no container of the stack ${spec.name} holds the password that ${source.description} would give`,
    hint: 'Run it without --offline.',
  });
}

/** The password, where that can be told without asking anybody else; the nodes themselves may still know it. */
export async function localPassword({ source, secret }: Session): Promise<Secret | undefined> {
  if (secret !== undefined) return secret.password;
  return source.file === undefined ? undefined : (await source.read())?.password;
}

/** The password with which an application connects. @throws StackError NOT_RUNNING when the stack has never been up. */
export async function requirePassword(session: Session): Promise<Secret> {
  const password = (await localPassword(session)) ?? (await passwordOfAny(session));
  if (password !== undefined) return password;
  throw new StackError('NOT_RUNNING', {
    message: `the stack ${session.spec.name} has no password yet: it has never been up here`,
    hint: run('up'),
  });
}

/** The password that a node was given last; undefined where there is no such container. */
export async function passwordOfNode({ engine, spec }: Session, node: string): Promise<Secret | undefined> {
  return passwordIn(engine, containerName(spec.name, node));
}

async function passwordOfAny({ engine, spec }: Session): Promise<Secret | undefined> {
  const own = (await engine.listContainers()).filter(isOwn(spec.name));
  const found = await Promise.all(own.map(({ name }) => passwordIn(engine, name)));
  return found.find((password) => password !== undefined);
}

async function passwordIn(engine: Engine, container: string): Promise<Secret | undefined> {
  const text = await engine.readFile(container, PASSWORD_FILE);
  return text === undefined || text === '' ? undefined : new Secret(text);
}
