import type { Finding, FindingKind } from '../../cluster/findings/finding.ts';
import { findFindings } from '../../cluster/findings/findings.ts';
import { list } from '../../cluster/findings/finding.ts';
import { countSlots, SLOT_COUNT } from '../../cluster/slots/slots.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import { commandText } from '../session/command-text.ts';
import { expectationOf } from '../../plan/cluster/expectation.ts';
import { answering } from './data-checks.ts';
import { failed, orOk, skipped, warning, type Heading, type Line } from './diagnosis.ts';
import type { Facts, Probe } from './facts.ts';

/** What `cluster check` finds, under the heading that its reader would look for. */
const HEADING_OF: Readonly<Record<FindingKind, Heading | undefined>> = {
  // Has a line of its own, which says more.
  'no answer': undefined,
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
  const { path } = await facts.stack.know();
  const names = list(silent.map(({ node }) => node.name));
  const because = names === '' ? '' : `: ${names} ${silent.length === 1 ? 'is' : 'are'} away`;
  const text = `${unserved} slots have an owner and are not served${because}`;
  return [failed('slots', text, commandText({ path }, 'up')), ...lines];
}

/** The nodes themselves notice only after their timeout that somebody is away, and that his slots are. */
function unservedSlots({ info, table }: ReachableView, silent: readonly Probe[]): number {
  const addresses = new Set(silent.map(({ node }) => node.ip));
  const away = countSlots(table.rows.filter(({ ip }) => addresses.has(ip)).flatMap(({ slots }) => slots));
  return Math.max(info.slotsAssigned - info.slotsOk, away);
}

async function findingLines(facts: Facts, heading: Heading, subject: string): Promise<Line[]> {
  const { spec, path } = await facts.stack.know();
  const probes = await facts.probes.know();
  const { views, reason } = await answering(facts);
  if (views.length === 0) return [skipped(subject, reason)];
  const findings = findFindings(
    expectationOf(spec),
    probes.map(({ view }) => view),
  );
  const absent = new Set(probes.filter(({ view }) => !view.reachable).map(({ node }) => node.name));
  return findings
    .filter(({ kind, node }) => HEADING_OF[kind] === heading && !(node !== undefined && absent.has(node)))
    .map((finding) => toLine(finding, subject, path));
}

function toLine({ kind, node, text, mend }: Finding, subject: string, path: string): Line {
  const command = commandText({ path }, mend);
  // Redis settles it by itself, within seconds.
  return kind === 'same epoch' ? warning(node ?? subject, text, command) : failed(node ?? subject, text, command);
}
