import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, quoted, run } from '../../hint.ts';
import { accountName } from '../../host/owner.ts';
import type { Conflict } from '../../plan/engine/conflicts.ts';
import type { Action, ActionType } from '../../plan/model/action.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { KEEPER_FILE, PASSWORD_FILE } from '../../plan/node/redis-config.ts';
import { Secret } from '../../secret.ts';
import { randomPassword } from '../../secrets/source.ts';
import type { Session } from '../session/session.ts';
import { keptFolder } from '../session/source.ts';
import { isSignedHere } from './authority.ts';
import { keptAuthority } from './trust.ts';

/**
 * The password that the stack should have. One of a file is made where there is none; a stack that already runs gives
 * back the one it was made with.
 *
 * @throws StackError SECRET_MISSING when Vault is not to be asked and no container holds it: nothing else stands in for it.
 */
export async function ensurePassword(session: Session): Promise<Secret> {
  const { source, secret, spec, report } = session;
  const kept = secret ?? (source.file === undefined ? undefined : await source.read());
  if (kept !== undefined) return kept.password;
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

/** For KEEPER_FILE: where the password is kept, by whom, and where his program keeps what belongs to the stack. */
export function keeperText(session: Session): string {
  return `${session.source.description}\n${accountName()}\n${keptFolder(session, session.env)}\n`;
}

/**
 * Who gave a node its password, where that was another user, or the same one with another state folder, who keeps it in
 * another place: `ann@laptop, who keeps it in the file /…/password`. A shared folder may have another path for each operator:
 * the authority in it tells it from any other.
 */
export async function foreignKeeper(session: Session, container: string): Promise<string | undefined> {
  const text = await session.engine.readFile(container, KEEPER_FILE);
  const [place, who = '', folder] = text?.split('\n') ?? [];
  const [ownPlace, ownWho, ownFolder] = keeperText(session).split('\n');
  const isShared = session.spec.secrets.shared !== undefined;
  const signed = isShared ? await isSignedHere(session, container, await keptAuthority(session)) : undefined;
  const isOurs = signed ?? (place === ownPlace || (who === ownWho && folder === ownFolder));
  if (place === undefined || isOurs) return undefined;
  return `${who}, who keeps it in ${place}`;
}

/** Actions that give a node the password. */
const GIVING: ReadonlySet<ActionType> = new Set(['accept password', 'configure container']);

/**
 * Two users of an engine may each have a file for the password of the same stack. Whoever's is older would take back what
 * the other has given to the nodes, and with it the other's applications. A source that both ask, as Vault, decides.
 *
 * @param actions what is about to be done; where none of it gives a node the password, as a rule, no file is read
 */
export async function findPasswordConflicts(
  session: Session,
  kept: Secret,
  actions?: readonly Action[],
): Promise<readonly Conflict[]> {
  const { engine, spec, source } = session;
  if (source.file === undefined || actions?.some(({ type }) => GIVING.has(type)) === false) return [];
  const own = (await engine.listContainers()).filter(isOwn(spec.name));
  const keepers = await Promise.all(
    own.map(async ({ name }) => {
      const given = await passwordIn(engine, name);
      return given === undefined || given.reveal() === kept.reveal() ? undefined : foreignKeeper(session, name);
    }),
  );
  const keeper = keepers.find((one) => one !== undefined);
  if (keeper === undefined) return [];
  const message = `the nodes of ${spec.name} have another password than ${source.description}: it was given to them by ${keeper}`;
  const takeOver = hint`rm ${quoted(source.file)} && ${run('up')}   # takes over the one that the nodes have`;
  return [{ code: 'SECRET_CHANGED', message, hint: takeOver }];
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
