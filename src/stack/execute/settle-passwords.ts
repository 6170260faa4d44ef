import type { Engine } from '../../engine/engine.ts';
import { containerName } from '../../plan/model/names.ts';
import { planPassword, type PasswordAction, type PasswordState } from '../../plan/node/plan-password.ts';
import { passwordHash, REDIS_CONF_FILE } from '../../plan/node/redis-config.ts';
import type { ContainerFile } from '../../plan/model/resources.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import { configFile, passwordFiles } from './config-files.ts';
import type { Session } from '../session/session.ts';

/**
 * Brings every node from whatever password it has to `wanted`, without a restart and without a client or replica turned
 * away: see `planPassword`. Every node has to answer.
 *
 * @returns how many steps it took; 0 where every node had it.
 */
export async function settlePasswords(session: Session, links: readonly NodeLink[], wanted: Secret): Promise<number> {
  for (let count = 0; ;) {
    const actions = planPassword(await observePasswords(links, wanted));
    if (actions.length === 0) return count;
    session.report({ subject: 'password', state: 'running', text: actions[0]?.type ?? '' });
    await Promise.all(actions.map((action) => performOnPassword(session, links, wanted, action)));
    count += actions.length;
  }
}

export function observePasswords(links: readonly NodeLink[], wanted: Secret): Promise<PasswordState[]> {
  const hash = passwordHash(wanted.reveal());
  return Promise.all(
    links.map(async (link): Promise<PasswordState> => {
      const { accepted, sent } = await link.readPasswords();
      return {
        node: link.name,
        acceptsWanted: accepted.includes(hash),
        acceptsOthers: accepted.some((one) => one !== hash),
        sendsWanted: sent.reveal() === wanted.reveal(),
      };
    }),
  );
}

/** Accepts `password` on every node beside what it accepts already. The first step of a rotation. */
export async function acceptPassword(session: Session, links: readonly NodeLink[], password: Secret): Promise<void> {
  const accept = links.map(({ name }): PasswordAction => ({ type: 'accept password', node: name, cause: 'asked for' }));
  await Promise.all(accept.map((action) => performOnPassword(session, links, password, action)));
}

/**
 * Files first: what a server says is what the next run goes by, so whatever it says has to be in its files already. A node
 * that restarts, at whatever point and after however many interrupted runs, never comes back with less than it was counted
 * on for. (A rotation that is given up before its password was published may leave that in a file; nobody knows it, and
 * the node that comes back with it is rid of it by the next run.)
 */
async function performOnPassword(
  { engine, spec }: Session,
  links: readonly NodeLink[],
  wanted: Secret,
  { type, node }: PasswordAction,
): Promise<void> {
  const link = links.find(({ name }) => name === node);
  if (link === undefined) return;
  const container = containerName(spec.name, node);
  const hash = passwordHash(wanted.reveal());
  const { accepted, sent } = await link.readPasswords();
  switch (type) {
    case 'accept password':
      await engine.writeFiles(container, passwordFiles({ accepts: [...accepted, hash], sends: sent, own: undefined }));
      await link.send('ACL', 'SETUSER', 'default', `#${hash}`);
      return;
    case 'send password':
      await engine.writeFiles(container, [
        ...(await withoutOldPassword(engine, container)),
        ...passwordFiles({ accepts: accepted, sends: wanted, own: undefined }),
      ]);
      await link.send('CONFIG', 'SET', 'masterauth', wanted.reveal());
      return;
    case 'drop other passwords':
      await engine.writeFiles(container, passwordFiles({ accepts: [hash], sends: wanted, own: wanted }));
      await link.send('ACL', 'SETUSER', 'default', 'resetpass', `#${hash}`);
  }
}

/** A CONFIG REWRITE by hand may have left the old one in redis.conf. Whatever else stands there is not for here to change. */
async function withoutOldPassword(engine: Engine, container: string): Promise<ContainerFile[]> {
  const conf = (await engine.readFile(container, REDIS_CONF_FILE)) ?? '';
  const kept = conf.replaceAll(/^[ \t]*masterauth[ \t].*(\n|$)/gim, '');
  return kept === conf ? [] : [configFile(REDIS_CONF_FILE, kept)];
}
