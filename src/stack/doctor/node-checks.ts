import type { NodeView } from '../../cluster/nodes/view.ts';
import { commandText } from '../session/command-text.ts';
import { isJustStartedAgain } from './container-checks.ts';
import { failed, ok, skipped, warning, type Line } from './diagnosis.ts';
import type { Facts, Probe } from './facts.ts';

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
  const { path } = await facts.stack.know();
  const known = await facts.secret.know().catch(() => undefined);
  const ending = new Set((await facts.containers.know()).filter(isJustStartedAgain).map(({ node }) => node.name));
  const distrusted = kind === 'TLS' ? await distrustedNodes(facts) : new Set<string>();
  return probes.map((probe): Line => {
    const subject = `${probe.node.name} ${kind}`;
    const { view, address, absence, isRefused, password } = probe;
    if (absence !== undefined) return skipped(subject, absence);
    if (view.reachable) {
      const isOther = known !== undefined && password?.reveal() !== known.password.reveal();
      if (!isOther) return ok(subject, `${address} answers and takes the password`);
      const text = `${address} takes the password in its container's files, and not the one that is kept`;
      return warning(subject, text, commandText({ path }, 'up'));
    }
    const restart = commandText({ path }, `restart ${probe.node.name}`);
    if (isRefused)
      return failed(
        subject,
        view.reason,
        `${restart}   # brings back the one in the container's files; every key stays`,
      );
    if (ending.has(probe.node.name)) return skipped(subject, 'its container ends again and again');
    if (distrusted.has(probe.node.name)) return skipped(subject, `${address}: its certificate is refused`);
    if (view.reason.startsWith('LOADING')) {
      return warning(subject, `${address} still reads its data: ${view.reason}`, commandText({ path }, 'cluster wait'));
    }
    if (isHanging(view))
      return failed(subject, `${address} hangs: its container runs, and it does not answer (${view.reason})`, restart);
    return failed(
      subject,
      `${address} does not answer: ${view.reason}`,
      commandText({ path }, `logs ${probe.node.name}`),
    );
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
