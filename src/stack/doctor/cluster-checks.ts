import { list, type Finding, type FindingKind } from '../../cluster/findings/finding.ts';
import { busAddress } from '../../cluster/nodes/node-table.ts';
import { countSlots, SLOT_COUNT } from '../../cluster/slots/slots.ts';
import type { NodeView, ReachableView } from '../../cluster/nodes/view.ts';
import { hint, run } from '../../hint.ts';
import { reachOf, REACH_TEXT } from '../connect/host-address.ts';
import { findingsOf } from '../../plan/cluster/expectation.ts';
import { answering } from './data-checks.ts';
import { failed, ok, orOk, skipped, warning, type Heading, type Line } from './diagnosis.ts';
import type { Facts, Probe } from './facts.ts';
import { isJustStartedAgain } from './container-checks.ts';

/** What `cluster check` finds, under the heading that its reader would look for. */
const HEADING_OF: Readonly<Record<FindingKind, Heading | undefined>> = {
  // Has a line of its own, which says more.
  'no answer': undefined,
  // Beside the last writes to disk, which are why.
  'writes refused': undefined,
  'cluster state': 'Cluster Not Forming',
  strangers: 'Cluster Not Forming',
  ghost: 'Cluster Not Forming',
  phantom: 'Cluster Not Forming',
  'same epoch': 'Cluster Not Forming',
  'broken link': 'Cluster Not Forming',
  'number of primaries': 'Cluster Not Forming',
  'slots without an owner': 'Missing Slots',
  disagreement: 'Missing Slots',
  'two owners': 'Missing Slots',
  'open slots': 'Missing Slots',
  'seen failing': 'Node Failures',
  'no copy': 'Node Failures',
  'too few replicas': 'Node Failures',
  placement: 'Node Failures',
  'wrong address': 'Connection Issues',
};

export async function checkTables(facts: Facts): Promise<readonly Line[]> {
  const lines = await findingLines(facts, 'Cluster Not Forming', 'node tables');
  const { views } = await answering(facts);
  const links = views.length * (views.length - 1);
  return orOk(lines, 'node tables', `${views.length} nodes know each other, over ${links} bus links that are up`);
}

export async function checkRoles(facts: Facts): Promise<readonly Line[]> {
  const lines = await findingLines(facts, 'Node Failures', 'roles');
  const { views } = await answering(facts);
  const replicas = views.filter(({ table }) => table.myself.role === 'replica').length;
  return orOk(lines, 'roles', `${views.length - replicas} primaries and ${replicas} replicas that have their copy`);
}

export async function checkReach({ session, containers }: Facts): Promise<readonly Line[]> {
  const isRunning = (await containers.know()).some(({ container }) => container?.state === 'running');
  return isRunning ? [ok('reach', REACH_TEXT[reachOf(await session.know())])] : [];
}

export async function checkAnnounced(facts: Facts): Promise<readonly Line[]> {
  const lines = await findingLines(facts, 'Connection Issues', 'announced');
  return orOk(lines, 'announced', 'every node announces the address that it has, and is known at it');
}

export async function checkSlots(facts: Facts): Promise<readonly Line[]> {
  const lines = await findingLines(facts, 'Missing Slots', 'slots');
  const { views } = await answering(facts);
  const probes = await facts.probes.know();
  const silent = probes.filter(({ view, isRefused }) => !view.reachable && !isRefused);
  const unserved = Math.max(...views.map((view) => unservedSlots(view, silent)));
  if (views.length === 0 || unserved === 0) {
    return orOk(lines, 'slots', `${SLOT_COUNT} are owned and served, and all nodes agree whose they are`);
  }
  const names = list(silent.map(({ node }) => node.name));
  const because = names === '' ? '' : `: ${names} ${silent.length === 1 ? 'is' : 'are'} away`;
  const text = `${unserved} slots have an owner and are not served${because}`;
  return [failed('slots', text, run('up')), ...lines];
}

/** The nodes themselves notice only after their timeout that somebody is away, and that his slots are. */
function unservedSlots({ info, table }: ReachableView, silent: readonly Probe[]): number {
  const addresses = new Set(silent.map(({ node }) => busAddress(node.announced)));
  const away = countSlots(table.rows.filter((row) => addresses.has(busAddress(row))).flatMap(({ slots }) => slots));
  return Math.max(info.slotsAssigned - info.slotsOk, away);
}

async function findingLines(facts: Facts, heading: Heading, subject: string): Promise<Line[]> {
  const { spec } = await facts.stack.know();
  const probes = await facts.probes.know();
  const { views, reason } = await answering(facts);
  if (views.length === 0) return [skipped(subject, reason)];
  const all = probes.map(({ view }) => view);
  const findings = findingsOf(spec, all);
  const absent = new Set(probes.filter(({ view }) => !view.reachable).map(({ node }) => node.name));
  return findings
    .filter(({ kind, node }) => HEADING_OF[kind] === heading && !(node !== undefined && absent.has(node)))
    .map((finding) => toLine(finding, subject));
}

function toLine({ kind, node, text, mend }: Finding, subject: string): Line {
  const command = run(mend);
  // Redis settles it by itself, within seconds.
  return kind === 'same epoch' ? warning(node ?? subject, text, command) : failed(node ?? subject, text, command);
}

/** Whether each node answers a client of this host that logs in, on each port that is open. */
export async function checkAnswers(facts: Facts): Promise<readonly Line[]> {
  const { spec } = await facts.session.know();
  const kind = spec.tls.plain ? 'plain' : 'TLS';
  return answerLines(facts, await facts.probes.find(), kind);
}

/** Over TLS, verified with the stack's authority, where the plain port is open too. */
export async function checkTlsAnswers(facts: Facts): Promise<readonly Line[]> {
  const { spec } = await facts.session.know();
  if (!spec.tls.enabled || !spec.tls.plain) return [];
  const [plain, probes] = await Promise.all([facts.probes.know(), facts.tlsProbes.find()]);
  const lines = await answerLines(facts, probes, 'TLS');
  // One that hangs, or has another password, does so on all of its ports.
  return lines.map((line, index) => {
    const probe = plain[index];
    const isSame = line.state === 'failed' && probe !== undefined && (probe.isRefused || isHanging(probe.view));
    return isSame ? skipped(line.subject, 'it is the same as on its plain port') : line;
  });
}

async function answerLines(facts: Facts, probes: readonly Probe[], kind: 'plain' | 'TLS'): Promise<Line[]> {
  const known = await facts.secret.know().catch(() => undefined);
  const ending = new Set((await facts.containers.know()).filter(isJustStartedAgain).map(({ node }) => node.name));
  const conflict = await facts.passwordConflict.know().catch(() => undefined);
  const distrusted = kind === 'TLS' ? await distrustedNodes(facts) : new Set<string>();
  return probes.map((probe): Line => {
    const subject = `${probe.node.name} ${kind}`;
    const { view, address, absence, isRefused, password } = probe;
    if (absence !== undefined) return skipped(subject, absence);
    if (view.reachable) {
      const isOther = known !== undefined && password?.reveal() !== known.password.reveal();
      if (!isOther) return ok(subject, `${address} answers and takes the password`);
      const text = `${address} takes the password in its container's files, and not the one that is kept`;
      return warning(subject, text, conflict?.hint ?? run('up'));
    }
    const restart = run(`restart ${probe.node.name}`);
    if (isRefused)
      return failed(
        subject,
        view.reason,
        hint`${restart}   # brings back the one in the container's files; every key stays`,
      );
    if (ending.has(probe.node.name)) return skipped(subject, 'its container ends again and again');
    if (distrusted.has(probe.node.name)) return skipped(subject, `${address}: its certificate is refused`);
    if (view.reason.startsWith('LOADING')) {
      return warning(subject, `${address} still reads its data: ${view.reason}`, run('cluster wait'));
    }
    if (isHanging(view))
      return failed(subject, `${address} hangs: its container runs, and it does not answer (${view.reason})`, restart);
    return failed(subject, `${address} does not answer: ${view.reason}`, run(`logs ${probe.node.name}`));
  });
}

function isHanging(view: NodeView): boolean {
  return !view.reachable && /timed out|ETIMEDOUT/i.test(view.reason);
}

async function distrustedNodes({ certificates }: Facts): Promise<Set<string>> {
  const { shown } = await certificates.know().catch(() => ({ shown: [] }));
  return new Set(
    shown.filter(({ facts, problem }) => facts !== undefined && problem !== undefined).map(({ holder }) => holder),
  );
}
