import { dirname } from 'node:path';
import { hint, quoted, run, type Hint } from '../../hint.ts';
import { accountName } from '../../host/owner.ts';
import type { Conflict } from '../../plan/engine/conflicts.ts';
import type { Action, ActionType } from '../../plan/model/action.ts';
import { isOwn } from '../../plan/model/names.ts';
import { AUTHORITY_FILE, AUTHORITY_KEEPER_FILE } from '../../plan/node/redis-config.ts';
import { certificatesIn, parseCertificate } from '../../tls/certificate.ts';
import { KEPT_AUTHORITY } from '../../tls/private-ca.ts';
import type { Session } from '../session/session.ts';
import { certificateFolder, keptAuthority } from './trust.ts';

/** For AUTHORITY_KEEPER_FILE: who has the key of the stack's own authority, and where. */
export function authorityKeeper(session: Session): string {
  return `${accountName()}\n${certificateFolder(session)}\n`;
}

function hasOwnAuthority({ spec: { tls } }: Session): boolean {
  return tls.enabled && tls.issuer.kind === 'private';
}

/**
 * Whether a node's authority is the one that is kept here; undefined where one of them has none.
 *
 * @param kept see `keptAuthority`
 */
export async function isSignedHere(
  session: Session,
  container: string,
  kept: readonly string[] | undefined,
): Promise<boolean | undefined> {
  if (kept === undefined || !hasOwnAuthority(session)) return undefined;
  const given = await session.engine.readFile(container, AUTHORITY_FILE);
  return given === undefined ? undefined : keyOf(certificatesIn(given)) === keyOf(kept);
}

/** Actions that give a node a certificate. */
const SIGNING: ReadonlySet<ActionType> = new Set([
  'configure container',
  'configure and seed container',
  'renew certificate',
  'renew certificate and restart',
]);

/**
 * Two users of an engine may each have an authority of the same stack. Who signs with his takes the nodes from the other's
 * applications, and the other would take them back with the next `up`, and so on.
 *
 * @param actions what is about to be done; where none of it signs a certificate, as a rule, no file is read
 */
export async function findAuthorityConflicts(
  session: Session,
  actions?: readonly Action[],
): Promise<readonly Conflict[]> {
  const { engine, spec } = session;
  if (!hasOwnAuthority(session) || actions?.some(({ type }) => SIGNING.has(type)) === false) return [];
  const [kept, containers] = await Promise.all([keptAuthority(session), engine.listContainers()]);
  const own = containers.filter(isOwn(spec.name));
  const keepers = await Promise.all(
    own.map(async ({ name }) => {
      if (await isSignedHere(session, name, kept)) return undefined;
      // A node that has none has no keeper either.
      const keeper = await engine.readFile(name, AUTHORITY_KEEPER_FILE);
      return keeper === '' || keeper === authorityKeeper(session) ? undefined : keeper;
    }),
  );
  const keeper = keepers.find((one) => one !== undefined);
  if (keeper === undefined) return [];
  const [who = '', folder = ''] = keeper.split('\n');
  const message = `the certificates of ${spec.name} are signed by an authority whose key ${who} keeps in ${folder}, and which is not here; nothing was changed`;
  return [{ code: 'SECRET_CHANGED', message, hint: wayOut(session, who, `${folder}/${KEPT_AUTHORITY}`) }];
}

/** With the same key, or with no container left that has the other's. */
function wayOut(session: Session, who: string, file: string): Hint {
  const anew = hint`${run('down')} && ${run('up')}`;
  const folder = certificateFolder(session);
  // A copy of a folder that is to be shared would miss the next password.
  if (session.spec.secrets.shared !== undefined)
    return hint`Have ${dirname(file)} itself mounted as ${folder}; or, for an authority of your own: ${anew}`;
  if (who === accountName()) {
    const copy = `mkdir -p -m 700 ${quoted(dirname(folder))} ${quoted(folder)} && cp -p ${quoted(file)} ${quoted(folder)}/`;
    return hint`${copy} && ${run('up')}   # or, for an authority of its own: ${anew}`;
  }
  return hint`Have ${file} put into a folder that both share (secrets.shared in the YAML file); or, for an authority of your own: ${anew}`;
}

/** A renewed authority has its key still. */
function keyOf([first = '']: readonly string[]): string {
  return parseCertificate(first, 'the authority').publicKey.export({ type: 'spki', format: 'pem' }).toString();
}
