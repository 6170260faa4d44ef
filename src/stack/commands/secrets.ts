import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { unreachableNames } from '../../plan/cluster/among-nodes.ts';
import { containerName } from '../../plan/model/names.ts';
import { randomPassword, type StackSecret } from '../../secrets/source.ts';
import { withNodes, type Nodes } from '../connect/with-nodes.ts';
import { ensurePassword, findPasswordConflicts, foreignKeeper } from '../connect/passwords.ts';
import { rejectConflicts } from '../reconcile/round.ts';
import { requireHosts, type Session } from '../session/session.ts';
import { viewNodes } from '../observe/observe-nodes.ts';
import { acceptPassword, changePasswords } from '../execute/passwords.ts';

interface InitResult {
  /** Where the password is now. */
  readonly place: string;
  /** It was there already, and was left as it is. */
  readonly wasThere: boolean;
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

interface RotateResult {
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
  const { source, report } = session;
  rejectOffline(session);
  const current: StackSecret = { password: await ensurePassword(session), tlsEnabled: session.secret?.tlsEnabled };
  const rotate = async (nodes: Nodes): Promise<RotateResult> => {
    const away = unreachableNames(await viewNodes(session, nodes.all));
    requireHosts(session, session.spec.nodes, 'no node is given another password');
    if (away.length > 0) {
      const why = `${away.join(', ')} can't be reached`;
      throw new StackError('NOT_RUNNING', {
        message: `the password can't be changed while the stack isn't up: ${why}; nothing was changed`,
        hint: hint`${run('up')}, then again`,
      });
    }

    // Who has the same folder reads the new one there.
    const [first] = session.spec.secrets.shared === undefined ? nodes.all : [];
    const former = first && (await foreignKeeper(session, containerName(session.spec.name, first.name)));
    rejectConflicts(await findPasswordConflicts(session, current.password));
    await changePasswords(session, nodes, current.password);
    const next = randomPassword();
    await acceptPassword(session, nodes, next);
    report({ subject: 'password', state: 'running', text: `publishing the new one in ${source.description}` });
    await source.replace(next, current);
    await changePasswords(session, nodes, next);
    report({ subject: 'password', state: 'done', text: 'changed on every node' });
    if (former !== undefined) {
      const text = `the former one was given to the nodes by ${former}, and is refused from now on: tell them`;
      report({ subject: 'password', state: 'warning', text, hint: hint`${run('plan')}   # says there what to do` });
    }
    return { place: source.description, nodeCount: nodes.all.length };
  };
  return withNodes(session, rotate, { password: current.password });
}

/** @throws StackError USAGE: a password can't be written where nobody is asked. */
function rejectOffline({ source, offline }: Pick<Session, 'source' | 'offline'>): void {
  if (!offline) return;
  throw new StackError('USAGE', {
    message: `--offline, and this would write to ${source.description}`,
    hint: 'Run it without --offline.',
  });
}
