import { containerName, isOwn } from '../../plan/model/names.ts';
import { CERTIFICATE_FILE } from '../../plan/node/redis-config.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import { CONTAINER_PORTS, type NodeSpec } from '../../spec/spec.ts';
import {
  coversNames,
  isDueForRenewal,
  readCertificate,
  type CertificateFacts,
  type CertificateNames,
} from '../../tls/certificate.ts';
import { certificatesIn } from '../../tls/pem.ts';
import { observeServed, shownFacts, type Served } from '../../tls/served.ts';
import { namesOfNode, readGivenFiles, type Issuer, type NodeCertificate } from '../connect/certificates.ts';
import { certificateFiles } from './config-files.ts';
import { hostAddress } from '../connect/links.ts';
import { stopGraceSeconds } from './perform.ts';
import type { Session } from '../session/session.ts';
import { readIfThere, readTrust, trustFiles, type KeptCertificate } from '../connect/trust.ts';

export interface ServedByNode {
  readonly node: NodeSpec;
  readonly served: Served;
}

/** One call: the node gets another certificate, while it runs. */
export interface CertificateAction {
  readonly type: 'renew certificate';
  readonly node: string;
  readonly cause: string;
}

const HANDSHAKE_TIMEOUT_MS = 2000;

/** What the running nodes serve, for a client on this host. Those that don't run, or publish no TLS port, are left out. */
export async function observeCertificates(session: Session): Promise<ServedByNode[]> {
  const { engine, spec, signal } = session;
  const host = hostAddress(spec, engine.endpoint);
  const serving = (await engine.listContainers())
    .filter(isOwn(spec.name))
    .filter(
      ({ state, ports }) =>
        state === 'running' && ports.some(({ containerPort }) => containerPort === CONTAINER_PORTS.tls),
    );
  const names = new Set(serving.map(({ name }) => name));
  const nodes = spec.nodes.filter(({ name }) => names.has(containerName(spec.name, name)));
  if (nodes.length === 0) return [];
  const { caPem, client } = await readTrust(session);
  return Promise.all(
    nodes.map(async (node) => {
      const address = { host, port: node.ports.tls };
      const shown = client === undefined ? { caPem } : { caPem, client };
      return { node, served: await observeServed(address, shown, { signal, timeoutMs: HANDSHAKE_TIMEOUT_MS }) };
    }),
  );
}

/** Which nodes should get another certificate, and why. A node that doesn't answer is for others to worry about. */
export async function planCertificates(
  session: Session,
  observed: readonly ServedByNode[],
): Promise<CertificateAction[]> {
  const given = await readGivenFiles(session);
  const isAuthorityLost = given === undefined && (await readIfThere(trustFiles(session).ca)) === undefined;
  return observed.flatMap(({ node, served }): CertificateAction[] => {
    const cause = isAuthorityLost
      ? 'this host has lost the authority that signed it'
      : objection(served, namesOfNode(session, node), given?.get(node.name));
    return cause === undefined ? [] : [{ type: 'renew certificate', node: node.name, cause }];
  });
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
        : [`${holder}: this host has lost ${file}: ${isGiven ? 'put it back' : 'up makes it anew'}`];
    }),
  ];
}

/**
 * Where no plain port is open, a node whose certificate this host refuses can't be told of another one: it gets it, and is
 * restarted.
 *
 * @param except nodes that have just been given theirs
 * @returns the nodes that were restarted
 */
export async function restartUntrusted(
  session: Session,
  issuer: Issuer,
  except: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { engine, spec, report } = session;
  if (spec.tls.plain || spec.nodes.every(({ name }) => except.has(name))) return new Set();
  const observed = await observeCertificates(session);
  const untrusted = observed.filter(({ node, served }) => served.state === 'untrusted' && !except.has(node.name));
  await Promise.all(
    untrusted.map(async ({ node }) => {
      const container = containerName(spec.name, node.name);
      await engine.writeFiles(container, certificateFiles(await issuer.issue(node)));
      await engine.restartContainer(container, await stopGraceSeconds(session, container));
      report({ subject: container, state: 'done', text: 'restarted with another certificate' });
    }),
  );
  return new Set(untrusted.map(({ node }) => node.name));
}

/**
 * Gives those running nodes a new certificate that need one: no restart, no connection closed. New connections get it.
 *
 * @param except nodes that have just been given theirs
 * @returns how many got one
 */
export async function settleCertificates(
  session: Session,
  links: readonly NodeLink[],
  issuer: Issuer,
  except: ReadonlySet<string>,
): Promise<number> {
  const { engine, spec, report } = session;
  if (spec.nodes.every(({ name }) => except.has(name))) return 0;
  const observed = await observeCertificates(session);
  const due = await planCertificates(
    session,
    observed.filter(({ node }) => !except.has(node.name)),
  );
  await Promise.all(
    due.map(async ({ node: name }) => {
      const node = spec.nodes.find((one) => one.name === name);
      if (node === undefined) return;
      const container = containerName(spec.name, name);
      await engine.writeFiles(container, certificateFiles(await issuer.issue(node)));
      // The same name as before, and Redis reads key, certificate and authority again.
      await links.find((link) => link.name === name)?.send('CONFIG', 'SET', 'tls-cert-file', CERTIFICATE_FILE);
      report({ subject: container, state: 'done', text: 'certificate renewed' });
    }),
  );
  return due.length;
}

/** `2026-11-22`, in UTC. */
function dateText(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
