import { isReachable } from '../../cluster/nodes/view.ts';
import { StackError } from '../../errors.ts';
import { randomPassword } from '../../secrets/generated.ts';
import type { StackSecret } from '../../secrets/source.ts';
import { linkNodes } from '../connect/links.ts';
import { ensurePassword } from '../connect/passwords.ts';
import { rejectOffline } from './secrets-init.ts';
import type { Session } from '../session/session.ts';
import { acceptPassword, settlePasswords } from '../execute/settle-passwords.ts';

export interface RotateResult {
  /** Where the new password is. */
  readonly place: string;
  readonly nodeCount: number;
}

/**
 * Gives all nodes a new password, without a restart and without turning anybody away.
 *
 * The new one is accepted everywhere before it is published: whoever reads it from its source can log in with it at once.
 * Then the nodes use it, and then the old one is dropped. Killed before the publication, the old one stays in force, and
 * the next run begins with another new one; killed after it, that run (or `up`) finishes. Connections that stand, stay.
 *
 * @throws StackError NOT_RUNNING before anything is changed when not all nodes answer: one that is away would come back
 *   with the old password. SECRET_CHANGED when somebody else changed it at the same time.
 */
export async function rotateSecret(session: Session): Promise<RotateResult> {
  const { source, report, engine } = session;
  rejectOffline(session);
  const current: StackSecret = {
    password: await ensurePassword(session, await engine.listContainers()),
    tlsEnabled: session.secret?.tlsEnabled,
  };
  const links = await linkNodes(session, current.password);
  try {
    const views = await Promise.all(links.map((link) => link.observe()));
    const away = views.filter((view) => !isReachable(view)).map(({ name }) => name);
    if (away.length > 0) throw notUp(`${away.join(', ')} can't be reached`);

    await settlePasswords(session, links, current.password);
    const next = randomPassword();
    await acceptPassword(session, links, next);
    report({ subject: 'password', state: 'running', text: `publishing the new one in ${source.description}` });
    await source.replace(next, current);
    await settlePasswords(session, links, next);
    report({ subject: 'password', state: 'done', text: 'changed on every node' });
    return { place: source.description, nodeCount: links.length };
  } finally {
    for (const link of links) link.close();
  }
}

function notUp(why: string): StackError {
  return new StackError('NOT_RUNNING', {
    message: `the password can't be changed while the stack isn't up: ${why}; nothing was changed`,
    hint: 'npx tsx manage.ts up, then again',
  });
}
