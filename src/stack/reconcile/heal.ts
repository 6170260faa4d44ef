import { StackError } from '../../errors.ts';
import { fixCluster } from './fix.ts';
import type { Session } from '../session/session.ts';

/**
 * What `cluster fix` would do without asking, for `up`: slots that are half moved or nobody's, a node that lost its data
 * and comes back under another id. What needs a yes is left, and said.
 *
 * @returns how many steps were carried out
 * @throws StackError CONFIRMATION_NEEDED
 */
export async function heal(session: Session): Promise<number> {
  const { report } = session;
  const onPlan = (text: string): void => {
    for (const line of text.split('\n').filter(Boolean)) report({ subject: 'repair', state: 'done', text: line });
  };
  try {
    const { steps } = await fixCluster(session, { simulate: false, onPlan, confirm: async () => false });
    return steps.length;
  } catch (error) {
    // What can't be mended here may come about by itself; whoever waits for it says what is missing.
    if (error instanceof StackError && error.code === 'CLUSTER_UNHEALTHY') return 0;
    throw error;
  }
}
