import { withinBounds } from '../bounds.ts';
import type { ReachableView } from '../cluster/view.ts';
import { proveReadWrite } from '../redis/prove.ts';
import type { Secret } from '../secret.ts';
import { applyToEngine } from './apply.ts';
import { natMapOf } from './connection.ts';
import { converge } from './converge.ts';
import { ensureImage, type ResolvedImage } from './image.ts';
import { hostAddress, linkNodes } from './links.ts';
import type { Session } from './session.ts';
import { wantedOf } from './wanted.ts';

export interface UpResult {
  readonly image: ResolvedImage;
  /** Engine calls and cluster commands that changed something; 0 when all was as it should be. */
  readonly changeCount: number;
  readonly views: readonly ReachableView[];
  readonly elapsedMs: number;
}

/**
 * Brings the stack from whatever it is to what the YAML file says, and proves it: every node agrees, every slot is
 * served, and, after a change, a key can be written and read in each primary. Data is never removed.
 */
export async function up(session: Session): Promise<UpResult> {
  const { engine, spec, report } = session;
  const start = performance.now();
  // Refuses an engine whose ports can't be reached from here, before anything is made.
  hostAddress(spec, engine.endpoint);
  const image = await ensureImage(session);
  const { callCount, password } = await applyToEngine(session, wantedOf(session, image));

  const links = linkNodes(spec, engine.endpoint, password);
  try {
    const { views, commandCount } = await converge(session, links);
    report({ subject: 'cluster', state: 'done', text: 'cluster_state:ok on every node' });
    const changeCount = callCount + commandCount;
    if (changeCount > 0) await prove(session, password, views);
    return { image, changeCount, views, elapsedMs: performance.now() - start };
  } finally {
    for (const link of links) link.close();
  }
}

async function prove(session: Session, password: Secret, views: readonly ReachableView[]): Promise<void> {
  const { report } = session;
  report({ subject: 'proof', state: 'running', text: 'a write and a read in each primary' });
  const ranges = views.flatMap(({ table }) => table.myself.slots.slice(0, 1));
  await withinBounds(
    proveReadWrite(natMapOf(session), password, ranges),
    'could not write and read a key in each primary',
    session,
  );
  report({
    subject: 'proof',
    state: 'done',
    text: `a key written and read back in each of ${ranges.length} primaries`,
  });
}
