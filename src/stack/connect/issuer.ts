import { isIP } from 'node:net';
import { StackError } from '../../errors.ts';
import { findRefusal, orUnreadable, replaceFile, unreadable } from '../../kept-files.ts';
import { containerName } from '../../plan/model/names.ts';
import type { Secret } from '../../secret.ts';
import { loopbackAddress } from '../../spec/addresses.ts';
import type { IssuerSpec, NodeSpec } from '../../spec/spec.ts';
import { certificatesIn, coversNames, type CertificateNames } from '../../tls/certificate.ts';
import { divideChain } from '../../tls/chain.ts';
import { readGivenPair, type Usage } from '../../tls/given-files.ts';
import type { IssuedPair } from '../../tls/issue.ts';
import { inOnePem, keepPair } from '../../tls/kept-pair.ts';
import { openPrivateAuthority } from '../../tls/private-ca.ts';
import { hostAddress } from './host-address.ts';
import type { Session } from '../session/session.ts';
import { besides, circleOf } from '../session/source.ts';
import { authorityKeeper, findAuthorityConflicts } from './authority.ts';
import { findPasswordConflicts, localPassword } from './passwords.ts';
import { certificateFolder, keptAuthority, lentByNode, readIfThere, trustFiles } from './trust.ts';

/** What a node needs to serve TLS: key and certificate chain in one text, and the authority that it trusts. */
export interface NodeCertificate {
  readonly caPem: string;
  readonly pem: Secret;
  /** Who can sign more: see `authorityKeeper`. */
  readonly keeper?: string;
}

/** Who signs the nodes' certificates, opened: what this host verifies them with is in its place. */
export interface Issuer {
  issue(node: NodeSpec): Promise<NodeCertificate>;
}

type IssuerOf<Kind extends IssuerSpec['kind']> = Extract<IssuerSpec, { kind: Kind }>;

/** undefined where TLS is off. @throws StackError for an authority that can't be used. */
export async function openIssuer(session: Session): Promise<Issuer | undefined> {
  const { enabled, issuer } = session.spec.tls;
  if (!enabled) return undefined;
  switch (issuer.kind) {
    case 'private':
      return privateIssuer(session, issuer);
    case 'vault':
      return vaultIssuer(session, issuer);
    case 'files':
      return filesIssuer(session);
  }
}

/** Every name under which a client may reach the node: in the network, through the published port, in its container. */
export function namesOfNode({ spec, engine }: Session, node: NodeSpec): CertificateNames {
  const { name, ip } = node;
  const entrance = namesOfHost(hostAddress(spec, engine.endpoint, node));
  return {
    dnsNames: [name, containerName(spec.name, name), 'localhost', ...entrance.dnsNames],
    // Some clients resolve a name themselves, and verify what it leads to.
    ipAddresses: [
      ip,
      '127.0.0.1',
      '::1',
      ...(spec.access === 'names' ? [loopbackAddress(ip)] : []),
      ...entrance.ipAddresses,
    ],
  };
}

function namesOfHost(host: string): CertificateNames {
  return isIP(host) === 0 ? { dnsNames: [host], ipAddresses: [] } : { dnsNames: [], ipAddresses: [host] };
}

async function privateIssuer(session: Session, { validityDays }: IssuerOf<'private'>): Promise<Issuer> {
  const { spec } = session;
  await rejectOthers(session);
  const authority = await openPrivateAuthority(certificateFolder(session), {
    stack: spec.name,
    nowMs: Date.now(),
    circle: circleOf(session),
  });
  const { certificatePem: caPem } = authority;
  await keepClientPair(session, caPem, () =>
    authority.issue({ commonName: CLIENT_NAME, names: NO_NAMES, usage: 'client', validityDays }),
  );
  return {
    issue: async (node) => {
      const names = namesOfNode(session, node);
      const commonName = containerName(spec.name, node.name);
      const pair = await authority.issue({ commonName, names, usage: 'server', validityDays });
      return { caPem, pem: inOnePem(pair), keeper: authorityKeeper(session) };
    },
  };
}

/** What others keep is not made anew here. */
async function rejectOthers(session: Session): Promise<void> {
  if ((await keptAuthority(session)) !== undefined) return;
  const kept = await localPassword(session);
  const passwords = kept === undefined ? [] : await findPasswordConflicts(session, kept);
  const [conflict, ...others] = [...passwords, ...(await findAuthorityConflicts(session))];
  if (conflict === undefined) return;
  const folder = certificateFolder(session);
  // To bring the authority here helps nobody where it can't be kept.
  const refusal = await findRefusal(folder);
  if (refusal !== undefined) {
    throw unreadable(folder, 'the folder of the certificate authority', refusal.why, refusal.hint);
  }
  const { code, message, hint } = conflict;
  throw new StackError(code, { message, hint, details: others.map((one) => one.message) });
}

async function vaultIssuer(session: Session, spec: IssuerOf<'vault'>): Promise<Issuer> {
  const { mount, role, validityDays } = spec;
  const { ca } = trustFiles(session);
  const ttl = validityDays === undefined ? undefined : `${validityDays * 24}h`;
  const rootPem = spec.ca === undefined ? '' : await readRoot(besides(session, spec.ca, session.env));
  const issue = async (commonName: string, names: CertificateNames): Promise<IssuedPair & { caPem: string }> => {
    if (session.vault === undefined || session.offline) throw needsVault(commonName);
    const vault = await session.vault();
    const pair = await vault.issueCertificate({ mount, role }, { commonName, ...names, ttl });
    const chain = divideChain(pair.certificatePem, pair.caPem + rootPem, Date.now());
    if (chain === undefined) throw withoutRoot(mount);
    // What was signed by an authority before this one is still verified.
    const caPem = withoutRepetition(chain.rootsPem, (await readIfThere(ca)) ?? '');
    await keepRoots(ca, caPem);
    return { ...pair, certificatePem: chain.certificatePem, caPem };
  };
  const kept = await readIfThere(ca);
  // Another user's program, with the same Vault, has brought the nodes up.
  const lent = kept === undefined ? (await lentByNode(session))?.caPem : undefined;
  if (lent !== undefined) await keepRoots(ca, lent);
  await keepClientPair(session, kept ?? lent ?? '', () => issue(CLIENT_NAME, NO_NAMES));
  return {
    issue: async (node) => {
      const pair = await issue(node.name, namesOfNode(session, node));
      return { caPem: pair.caPem, pem: inOnePem(pair) };
    },
  };
}

async function readRoot(file: string): Promise<string> {
  const pem = await readIfThere(file);
  if (pem !== undefined && certificatesIn(pem).length > 0) return pem;
  throw new StackError('CERTIFICATE_INVALID', {
    message: `tls.ca: ${file} ${pem === undefined ? "doesn't exist" : 'holds no certificate'}`,
    hint: 'Put the PEM of the root authority there.',
  });
}

function keepRoots(file: string, caPem: string): Promise<void> {
  return orUnreadable(file, 'the file of the certificate authority', () => replaceFile(file, caPem, 0o644));
}

function withoutRoot(mount: string): StackError {
  return new StackError('CERTIFICATE_INVALID', {
    message: `the authorities that Vault gives with a certificate of ${mount} don't lead up to a root, and clients need one`,
    hint: 'Name the PEM file of the root with tls.ca in the YAML file.',
  });
}

function withoutRepetition(...pems: readonly string[]): string {
  return [...new Set(pems.flatMap(certificatesIn))].join('');
}

function needsVault(name: string): StackError {
  return new StackError('VAULT_UNREACHABLE', {
    message: `--offline, and ${name} needs a certificate that only Vault can issue`,
    hint: 'Run it without --offline.',
  });
}

async function filesIssuer(session: Session): Promise<Issuer> {
  // All of them now: a mistake in one is better known before anything is made.
  const given = await readGivenFiles(session);
  return {
    issue: async ({ name }) => {
      const certificate = given?.get(name);
      if (certificate === undefined) throw new Error(`no files for ${name}`);
      return certificate;
    },
  };
}

/** The certificates that the user gives, by node; undefined where he gives none. @throws StackError CERTIFICATE_INVALID */
export async function readGivenFiles(session: Session): Promise<Map<string, NodeCertificate> | undefined> {
  const { issuer, cluster, isBusOpen } = session.spec.tls;
  if (issuer.kind !== 'files') return undefined;
  const usages: readonly Usage[] = cluster && !isBusOpen ? ['serverAuth', 'clientAuth'] : ['serverAuth'];
  const of = (file: string, node: string): string => besides(session, file.replaceAll('{node}', node), session.env);
  const read = async (node: NodeSpec): Promise<[string, NodeCertificate]> => {
    const { name } = node;
    const { ca, certificate, key } = issuer;
    const files = { caFile: of(ca, name), certificateFile: of(certificate, name), keyFile: of(key, name) };
    const pair = await readGivenPair(files, Date.now(), usages);
    const hosts = [
      hostAddress(session.spec, session.engine.endpoint, node),
      ...(session.spec.access === 'names' ? [name] : []),
    ];
    const host = hosts.find((one) => !coversNames(pair.facts, namesOfHost(one)));
    if (host !== undefined) {
      throw new StackError('CERTIFICATE_INVALID', {
        message: `the certificate in ${files.certificateFile} does not name ${host}, where clients of this host find ${name}`,
        hint: `Have it signed with subjectAltName = ${isIP(host) === 0 ? 'DNS' : 'IP'}:${host}`,
      });
    }
    return [name, { caPem: pair.caPem, pem: inOnePem(pair) }];
  };
  return new Map(await Promise.all(session.spec.nodes.map(read)));
}

const CLIENT_NAME = 'client';
const NO_NAMES: CertificateNames = { dnsNames: [], ipAddresses: [] };

/** A certificate for clients on this host, where the nodes ask for one. */
async function keepClientPair(session: Session, caPem: string, issue: () => Promise<IssuedPair>): Promise<void> {
  const file = trustFiles(session).client?.certificate;
  if (file !== undefined) await keepPair(file, caPem, Date.now(), issue, circleOf(session));
}
