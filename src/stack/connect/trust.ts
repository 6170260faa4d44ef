import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { StackError, systemErrorCode } from '../../errors.ts';
import { run } from '../../hint.ts';
import { explainRefusal } from '../../kept-files.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { AUTHORITY_FILE, CERTIFICATE_FILE } from '../../plan/node/redis-config.ts';
import type { TlsTrust } from '../../redis/connect-node.ts';
import { Secret } from '../../secret.ts';
import { certificatesIn, readCertificate, type CertificateFacts } from '../../tls/certificate.ts';
import { KEPT_AUTHORITY } from '../../tls/private-ca.ts';
import type { Session } from '../session/session.ts';
import { besides, keptFolder } from '../session/source.ts';

type Place = Pick<Session, 'spec' | 'env' | 'path'>;

/** The files with which a client on this host verifies the nodes, and shows itself to them. They may not be there yet. */
export interface TrustFiles {
  readonly ca: string;
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

/** Where the authority's files, and this host's own certificate, are kept. */
export function certificateFolder(place: Place): string {
  const folder = keptFolder(place, place.env);
  return place.spec.secrets.shared === undefined ? join(folder, 'tls') : folder;
}

export function trustFiles(place: Place): TrustFiles {
  const { clientAuth, issuer } = place.spec.tls;
  if (issuer.kind === 'files') {
    const { ca, client } = issuer;
    return {
      ca: besides(place, ca, place.env),
      client: client && {
        certificate: besides(place, client.certificate, place.env),
        key: besides(place, client.key, place.env),
      },
    };
  }
  const folder = certificateFolder(place);
  // Key and certificate in one file, so that no half of them can be old.
  const own = join(folder, 'client.pem');
  return { ca: join(folder, 'ca.crt'), client: clientAuth === 'no' ? undefined : { certificate: own, key: own } };
}

/**
 * What the nodes are verified with, and what this host shows of itself. Where this host has lost either, a node's container
 * gives it back: the authority that the node trusts, and the node's own certificate, which is good for a client too.
 *
 * @throws StackError NOT_RUNNING where nobody has the authority.
 */
export async function readTrust(session: Session): Promise<TlsTrust> {
  const { ca, client } = trustFiles(session);
  const [caPem, certificatePem, keyPem] = await Promise.all([
    readIfThere(ca),
    client && readIfThere(client.certificate),
    client && readIfThere(client.key),
  ]);
  const isClientLost = client !== undefined && (certificatePem === undefined || keyPem === undefined);
  const lent = caPem === undefined || isClientLost ? await lentByNode(session) : undefined;
  const trusted = caPem ?? lent?.caPem;
  if (trusted === undefined) {
    throw new StackError('NOT_RUNNING', {
      message: `the stack ${session.spec.name} has no certificate authority yet: it has never been up here`,
      hint: run('up'),
    });
  }
  if (certificatePem === undefined || keyPem === undefined) {
    return { caPem: trusted, client: client === undefined ? undefined : lent?.client };
  }
  return { caPem: trusted, client: { certificatePem, privateKeyPem: new Secret(keyPem) } };
}

/** Of a node's container: the authority that it trusts, and its own certificate. undefined where none has them. */
export async function lentByNode({ engine, spec }: Session): Promise<TlsTrust | undefined> {
  const own = new Set((await engine.listContainers()).filter(isOwn(spec.name)).map(({ name }) => name));
  for (const node of spec.nodes) {
    const container = containerName(spec.name, node.name);
    if (!own.has(container)) continue;
    const [caPem, pem] = await Promise.all([
      engine.readFile(container, AUTHORITY_FILE),
      engine.readFile(container, CERTIFICATE_FILE),
    ]);
    if (caPem === undefined || pem === undefined) continue;
    return { caPem, client: { certificatePem: pem, privateKeyPem: new Secret(pem) } };
  }
  return undefined;
}

/** The certificates of the authority that is kept here, also where somebody has brought only what they follow from. */
export async function keptAuthority(session: Session): Promise<readonly string[] | undefined> {
  const own = join(certificateFolder(session), KEPT_AUTHORITY);
  const text =
    (await readIfThere(trustFiles(session).ca)) ??
    (session.spec.tls.issuer.kind === 'private' ? await readIfThere(own) : undefined);
  return text === undefined ? undefined : certificatesIn(text);
}

/** undefined where there is no such file. @throws StackError CERTIFICATE_INVALID */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    const { why, hint } = await explainRefusal(file, error);
    throw new StackError('CERTIFICATE_INVALID', { message: `${file} can't be read: ${why}`, hint, cause: error });
  }
}

/** A certificate that is kept on this host. */
export interface KeptCertificate {
  readonly holder: 'authority' | 'client';
  readonly file: string;
  /** undefined where it is missing. */
  readonly facts: CertificateFacts | undefined;
}

export async function readKeptCertificates(place: Place): Promise<KeptCertificate[]> {
  const { ca, client } = trustFiles(place);
  const read = async (holder: KeptCertificate['holder'], file: string): Promise<KeptCertificate> => {
    const text = await readIfThere(file);
    return {
      holder,
      file,
      facts: text === undefined ? undefined : readCertificate(certificatesIn(text)[0] ?? '', file),
    };
  };
  return Promise.all([read('authority', ca), ...(client === undefined ? [] : [read('client', client.certificate)])]);
}
