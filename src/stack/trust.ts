import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { containerName, isOwn } from '../plan/names.ts';
import { AUTHORITY_FILE } from '../plan/redis-config.ts';
import type { TlsTrust } from '../redis/node-link.ts';
import { Secret } from '../secret.ts';
import type { Session } from './session.ts';
import { besides } from './source.ts';
import { stateFolder } from './state-folder.ts';

type Place = Pick<Session, 'spec' | 'env' | 'path'>;

/** The files with which a client on this host verifies the nodes, and shows itself to them. They may not be there yet. */
export interface TrustFiles {
  readonly ca: string;
  readonly client: { readonly certificate: string; readonly key: string } | undefined;
}

/** Where the authority's files, and this host's own certificate, are kept. */
export function certificateFolder({ spec, env }: Pick<Session, 'spec' | 'env'>): string {
  return join(stateFolder(spec.name, env), 'tls');
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
 * What the nodes are verified with. Where this host has lost the authority's certificate, a node's container gives it back.
 *
 * @throws StackError NOT_RUNNING where nobody has it.
 */
export async function readTrust(session: Session): Promise<TlsTrust> {
  const files = trustFiles(session);
  const caPem = (await readIfThere(files.ca)) ?? (await authorityInContainers(session));
  if (caPem === undefined) {
    throw new StackError('NOT_RUNNING', {
      message: `the stack ${session.spec.name} has no certificate authority yet: it has never been up here`,
      hint: 'npx tsx manage.ts up',
    });
  }
  const [certificatePem, keyPem] = await Promise.all([
    files.client && readIfThere(files.client.certificate),
    files.client && readIfThere(files.client.key),
  ]);
  const client =
    certificatePem === undefined || keyPem === undefined
      ? undefined
      : { certificatePem, privateKeyPem: new Secret(keyPem) };
  return { caPem, client };
}

async function authorityInContainers({ engine, spec }: Session): Promise<string | undefined> {
  const own = new Set((await engine.listContainers()).filter(isOwn(spec.name)).map(({ name }) => name));
  for (const node of spec.nodes) {
    const container = containerName(spec.name, node.name);
    const text = own.has(container) ? await engine.readFile(container, AUTHORITY_FILE) : undefined;
    if (text !== undefined) return text;
  }
  return undefined;
}

/** undefined where there is no such file. @throws StackError CERTIFICATE_INVALID */
export async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new StackError('CERTIFICATE_INVALID', {
      message: `${file} can't be read: ${errorMessage(error)}`,
      hint: `ls -l ${file}`,
      cause: error,
    });
  }
}
