import { newAction } from '../../plan/model/action.ts';
import { containerName } from '../../plan/model/names.ts';
import type { ContainerFile } from '../../plan/model/resources.ts';
import { planPassword, type PasswordAction } from '../../plan/node/plan-password.ts';
import { isReachable } from '../../cluster/nodes/view.ts';
import {
  FORMER_USERS_FILE,
  KEEPER_FILE,
  otherUsers,
  passwordHash,
  REDIS_CONF_FILE,
  USERS_FILE,
} from '../../plan/node/redis-config.ts';
import type { Secret } from '../../secret.ts';
import { keeperText } from '../connect/passwords.ts';
import type { Nodes } from '../connect/with-nodes.ts';
import { readPasswordState } from '../observe/node-facts.ts';
import type { Session } from '../session/session.ts';
import { configFile, passwordFiles } from './config-files.ts';
import { execute } from './execute.ts';
import type { Execution } from './execution.ts';

/**
 * Brings every node from whatever password it has to `wanted`, without a restart and without a client or replica turned
 * away: see `planPassword`. Every node has to answer.
 *
 * @returns how many steps it took; 0 where every node had it
 */
export async function changePasswords(session: Session, nodes: Nodes, wanted: Secret): Promise<number> {
  for (let count = 0; ;) {
    const actions = planPassword(await Promise.all(nodes.all.map((link) => readPasswordState(link, wanted))));
    if (actions.length === 0) return count;
    await execute(actions, (action) => changePassword(session, nodes, wanted, action), session);
    count += actions.length;
  }
}

/** Accepts `password` on every node beside what it accepts already. The first step of a rotation. */
export async function acceptPassword(session: Session, nodes: Nodes, password: Secret): Promise<void> {
  const accept = nodes.all.map(({ name }) => newAction('accept password', name, 'asked for'));
  await execute(accept, (action) => changePassword(session, nodes, password, action), session);
}

/**
 * Files first: what a server says is what the next run goes by, so whatever it says has to be in its files already. A node
 * that restarts, at whatever point and after however many interrupted runs, never comes back with less than it was counted
 * on for. (A rotation that is given up before its password was published may leave that in a file; nobody knows it, and
 * the node that comes back with it is rid of it by the next run.)
 */
export async function changePassword(
  session: Session,
  nodes: Nodes,
  wanted: Secret,
  { type, target }: PasswordAction,
): Promise<void> {
  const { engine, spec } = session;
  const link = nodes.get(target);
  const container = containerName(spec.name, target);
  const hash = passwordHash(wanted.reveal());
  const { accepted, sent, usersFile } = await link.readPasswords();
  const users = (await readUsers(session, container, usersFile)) ?? [];
  switch (type) {
    case 'accept password':
      await engine.writeFiles(
        container,
        passwordFiles({ accepts: [...accepted, hash], users, sends: sent, own: undefined }, usersFile),
      );
      await link.send('ACL', 'SETUSER', 'default', `#${hash}`);
      return;
    case 'send password':
      await engine.writeFiles(container, [
        ...(await withoutOldPassword(session, container)),
        ...passwordFiles({ accepts: accepted, users, sends: wanted, own: undefined }, usersFile),
      ]);
      await link.send('CONFIG', 'SET', 'masterauth', wanted.reveal());
      return;
    case 'drop other passwords':
      await engine.writeFiles(container, [
        ...passwordFiles({ accepts: [hash], users, sends: wanted, own: wanted }, usersFile),
        configFile(KEEPER_FILE, keeperText(session)),
      ]);
      await link.send('ACL', 'SETUSER', 'default', 'resetpass', `#${hash}`);
  }
}

/**
 * The users that a person made and saved, for a node that is about to start: those of its volume. A new volume gets those
 * that all running nodes have alike; where they differ, nobody but a person knows which of them is right.
 */
export async function keptUsers({ session, seen }: Execution, container: string): Promise<readonly string[]> {
  const own = await readUsers(session, container, USERS_FILE);
  if (own !== undefined) return own;
  const running = seen.views.filter(isReachable).map(({ name }) => containerName(session.spec.name, name));
  const read = async (name: string): Promise<readonly string[]> =>
    (await readUsers(session, name, USERS_FILE)) ?? (await readUsers(session, name, FORMER_USERS_FILE)) ?? [];
  const [first = [], ...others] = await Promise.all(running.map(read));
  return first.filter((line) => others.every((lines) => lines.includes(line)));
}

async function readUsers({ engine }: Session, container: string, file: string): Promise<string[] | undefined> {
  const text = await engine.readFile(container, file);
  return text === undefined ? undefined : otherUsers(text.split(/\r?\n/));
}

/** A CONFIG REWRITE by hand may have left the old one in redis.conf. Whatever else stands there is not for here to change. */
async function withoutOldPassword({ engine }: Session, container: string): Promise<ContainerFile[]> {
  const conf = (await engine.readFile(container, REDIS_CONF_FILE)) ?? '';
  const kept = conf.replaceAll(/^[ \t]*masterauth[ \t].*(\n|$)/gim, '');
  return kept === conf ? [] : [configFile(REDIS_CONF_FILE, kept)];
}
