import { containerName, isOwn } from '../../plan/model/names.ts';
import type { CertificateState } from '../../plan/model/snapshot.ts';
import { CONTAINER_PORTS } from '../../spec/ports.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import {
  certificatesIn,
  coversNames,
  isDueForRenewal,
  readCertificate,
  type CertificateFacts,
  type CertificateNames,
} from '../../tls/certificate.ts';
import { observeServed, shownFacts, type Served } from '../../tls/served.ts';
import { namesOfNode, readGivenFiles, type NodeCertificate } from '../connect/issuer.ts';
import { hostAddress } from '../connect/host-address.ts';
import type { Session } from '../session/session.ts';
import { keptAuthority, lentByNode, readTrust, type KeptCertificate } from '../connect/trust.ts';

interface ServedByNode {
  readonly node: NodeSpec;
  readonly served: Served;
}

const HANDSHAKE_TIMEOUT_MS = 3000;

/** What the running nodes serve, for a client on this host. Those that don't run, or publish no TLS port, are left out. */
export async function observeCertificates(session: Session): Promise<ServedByNode[]> {
  const { engine, spec, signal } = session;
  const running = new Map(
    (await engine.listContainers())
      .filter(isOwn(spec.name))
      .filter(({ state }) => state === 'running')
      .map(({ name, ports }) => [name, ports]),
  );
  const nodes = spec.nodes.filter(({ name }) => running.has(containerName(spec.name, name)));
  if (nodes.length === 0) return [];
  const { caPem, client } = await readTrust(session);
  const observed = await Promise.all(
    nodes.map(async (node) => {
      const address = { host: hostAddress(spec, engine.endpoint, node), port: node.ports.tls };
      const shown = client === undefined ? { caPem } : { caPem, client };
      return { node, served: await observeServed(address, shown, { signal, timeoutMs: HANDSHAKE_TIMEOUT_MS }) };
    }),
  );
  // Of ports that follow each other on the host as they do in the container, Podman lists the first only.
  const isPublished = ({ name }: NodeSpec): boolean =>
    running.get(containerName(spec.name, name))?.some(({ containerPort }) => containerPort === CONTAINER_PORTS.tls) ===
    true;
  return observed.filter(({ node, served }) => served.state !== 'absent' || isPublished(node));
}

/** This host can't verify any node, and makes another authority with the next `up`. Vault's is where it was: a node lends it. */
export async function hasLostAuthority(session: Session): Promise<boolean> {
  const { enabled, issuer } = session.spec.tls;
  if (!enabled || issuer.kind === 'files' || (await keptAuthority(session)) !== undefined) return false;
  return issuer.kind === 'private' || (await lentByNode(session)) === undefined;
}

/** Which nodes should get another certificate, and why. A node that doesn't answer is for others to worry about. */
export async function judgeCertificates(
  session: Session,
  observed: readonly ServedByNode[],
  isAuthorityLost: boolean,
): Promise<CertificateState[]> {
  const given = await readGivenFiles(session);
  return observed.map(({ node, served }) => ({
    node: node.name,
    cause: isAuthorityLost
      ? 'this host has lost the authority that signed it'
      : objection(served, namesOfNode(session, node), given?.get(node.name)),
    isRefused: served.state === 'untrusted',
  }));
}

function objection(served: Served, names: CertificateNames, given: NodeCertificate | undefined): string | undefined {
  if (served.state === 'absent' || served.state === 'refused') return undefined;
  if (given !== undefined) {
    const isTheGiven =
      readCertificate(certificatesIn(given.pem.reveal())[0] ?? '').fingerprint === served.facts?.fingerprint;
    return isTheGiven ? undefined : 'its files hold another certificate';
  }
  if (served.state === 'untrusted') return served.reason;
  if (isDueForRenewal(served.facts, Date.now())) return `its certificate ends on ${dateText(served.facts.notAfterMs)}`;
  return coversNames(served.facts, names) ? undefined : 'its certificate lacks a name of the node';
}

const WARNING_MS = 14 * 24 * 3_600_000;

/**
 * Certificates that end within 14 days: those of the running nodes, and this host's own. One whose whole life is short is
 * named only when it is due.
 */
export function certificateWarnings(
  { spec }: Pick<Session, 'spec'>,
  observed: readonly ServedByNode[],
  kept: readonly KeptCertificate[],
  nowMs: number,
): string[] {
  const isGiven = spec.tls.issuer.kind === 'files';
  const remedy = isGiven ? 'put a new one in the place of its files, then run up' : 'up renews it';
  const warn = (whose: string, facts: CertificateFacts): string[] => {
    const isEnding = facts.notAfterMs - nowMs <= WARNING_MS && (isGiven || isDueForRenewal(facts, nowMs));
    const verb = facts.notAfterMs <= nowMs ? 'has ended' : 'ends';
    return isEnding ? [`${whose} certificate ${verb} on ${dateText(facts.notAfterMs)}: ${remedy}`] : [];
  };
  return [
    ...observed.flatMap(({ node, served }) => {
      const facts = shownFacts(served);
      return facts === undefined ? [] : warn(`${node.name}: its`, facts);
    }),
    ...kept.flatMap(({ holder, facts, file }) => {
      if (facts !== undefined) return warn(`${holder}: this host's`, facts);
      // A stack that was never up has none yet.
      return observed.length === 0
        ? []
        : [`${holder}: this host has lost ${file}: ${isGiven ? 'put it back' : 'up creates a new one'}`];
    }),
  ];
}

/** `2026-11-22`, in UTC. */
function dateText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
