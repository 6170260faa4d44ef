import { StackError } from '../../../errors.ts';
import { withNodes } from '../../connect/with-nodes.ts';
import type { Session } from '../../session/session.ts';

interface NodeReply {
  readonly node: string;
  /** As Redis gives it: text, numbers, lists of them, null. */
  readonly reply: unknown;
  /** Why there is none. */
  readonly failure: string | undefined;
}

/** Sends one command to every node, side by side. A node that refuses or is away keeps the others from nothing. */
export async function callEveryNode(
  session: Session,
  command: readonly [string, ...string[]],
): Promise<readonly NodeReply[]> {
  return withNodes(session, ({ all }) =>
    Promise.all(
      all.map(async (link): Promise<NodeReply> => {
        try {
          return { node: link.name, reply: await link.send(...command), failure: undefined };
        } catch (error) {
          if (!(error instanceof StackError)) throw error;
          return { node: link.name, reply: null, failure: error.message };
        }
      }),
    ),
  );
}
