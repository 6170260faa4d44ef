import { withinBounds } from '../../bounds.ts';
import type { Engine } from '../../engine/engine.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { actionText } from '../../plan/model/action.ts';
import { failed, ok, orOk, warning, type Line } from './diagnosis.ts';
import type { Facts, NodeContainer } from './facts.ts';
import { exitText, readLog } from '../observe/container-end.ts';
import { observeUnenforced } from '../observe/observe.ts';
import { lastWords, readLogSigns, type LogPlace } from '../observe/log-signs.ts';

/** So many of the last lines of a node's log are looked at. */
export const LOG_LINES = 200;
/** Longer ago, that the engine had to start a container again is history. */
const RECENT_MS = 24 * 3_600_000;
/** A container whose clock is that of its host can't have started later than now. */
const MOST_AHEAD_MS = 2000;

export async function checkContainers(facts: Facts): Promise<readonly Line[]> {
  const { spec } = await facts.stack.know();
  const containers = await facts.containers.find();
  const up = run('up');
  const names = containers.map(({ name }) => name);
  if (containers.every(({ container }) => container === undefined)) {
    return [failed('containers', `the stack ${spec.name} is not up: none of ${names.join(', ')} exists`, up)];
  }
  const { engine } = await facts.engine.know();
  const lines = await Promise.all(containers.map((one) => checkContainer(facts, engine, one, up)));
  return orOk(lines.flat(), 'containers', `all ${containers.length} run`);
}

async function checkContainer(facts: Facts, engine: Engine, one: NodeContainer, up: Hint): Promise<Line[]> {
  const { node, name, container } = one;
  if (engine.away().has(node.host ?? '')) return [failed(node.name, one.absence, up)];
  if (container === undefined) return [failed(node.name, `the container ${name} does not exist`, up)];
  if (container.state === 'paused') return [failed(node.name, `the container ${name} is paused`, up)];
  if (container.state === 'created')
    return [failed(node.name, `the container ${name} was created, but never started`, up)];
  const log = await withinBounds(
    readLog(engine, name, LOG_LINES),
    `the log of ${name} was not read`,
    facts.options,
  ).catch(() => '');
  const place = placeOf(one);
  const isEnding = container.state === 'restarting' || isJustStartedAgain(one);
  if (container.state === 'running' && !isEnding) return runningLines(one, log, place);
  const sign = readLogSigns(log, place, isEnding ? 2 : 1).find(({ isFatal }) => isFatal);
  const state = isEnding ? 'ends again and again' : `is ${container.state}`;
  const exit = container.state === 'exited' ? await engine.containerExit(name).catch(() => undefined) : undefined;
  const why = sign?.text ?? (exit?.isEngines === true ? exitText(exit) : endText(one, log));
  return [failed(node.name, `the container ${name} ${state}: ${why}`, sign?.mend ?? endMend(one, up))];
}

function placeOf({ node, name, container, neighbour }: NodeContainer): LogPlace {
  return { container: name, node: node.name, image: container?.image ?? '', neighbour };
}

/** Between two of its ends it may be caught running: Redis has ended with a mistake in its files within this. */
const SHORT_LIFE_MS = 10_000;

export function isJustStartedAgain({ details }: NodeContainer): boolean {
  return details !== undefined && details.restartCount > 1 && Date.now() - details.startedAtMs < SHORT_LIFE_MS;
}

function endText({ details }: NodeContainer, log: string): string {
  if (details?.outOfMemory === true) return 'the kernel killed it: it was out of memory';
  const words = lastWords(log);
  const code = details === undefined ? 'it exited' : `exit code ${details.exitCode}`;
  // Who was asked to end, and did, has nothing to say.
  const reason = details?.error || (details?.exitCode === 0 ? '' : words);
  return reason === '' ? code : `${code}; ${reason}`;
}

function endMend({ node, details, container }: NodeContainer, up: Hint): Hint {
  if (details?.outOfMemory === true)
    return hint`${up}   # and a higher redis.memory in the YAML file, if it comes back`;
  return container?.state === 'restarting' || container?.state === 'running' ? run(`logs ${node.name}`) : up;
}

/** What is worth knowing of one that runs. */
function runningLines({ node, name, details }: NodeContainer, log: string, place: LogPlace): Line[] {
  const signs = readLogSigns(log, place).filter(({ isFatal }) => !isFatal);
  const lines = signs.map(({ text, mend }) => warning(node.name, text, mend));
  if (details === undefined) return lines;
  const { startedAtMs, restartCount, outOfMemory } = details;
  const logs = run(`logs ${node.name}`);
  if (startedAtMs > Date.now() + MOST_AHEAD_MS) {
    const text = `${name} was started at ${new Date(startedAtMs).toISOString()}, which is still to come: a clock was set back`;
    lines.push(warning(node.name, text, 'timedatectl status   # on the host of the engine; in a VM, restart the VM'));
  }
  if (restartCount > 0 && Date.now() - startedAtMs < RECENT_MS) {
    const times = restartCount === 1 ? 'once' : `${restartCount} times`;
    const why = outOfMemory ? ': it was out of memory' : '';
    const mend = outOfMemory ? hint`Set redis.memory higher in the YAML file, then: ${run('up')}` : logs;
    lines.push(
      warning(
        node.name,
        `the engine had to start ${name} again ${times}, the last time at ${new Date(startedAtMs).toISOString()}${why}`,
        mend,
      ),
    );
  }
  return lines;
}

export async function checkLimits({ engine, obstacles }: Facts): Promise<readonly Line[]> {
  const [{ engine: connected }, { observed }] = await Promise.all([engine.know(), obstacles.know()]);
  const unenforced = await observeUnenforced(connected, observed.settings);
  if (unenforced === undefined)
    return [ok('limits', 'the engine enforces redis.memory, redis.cpus and a limit of processes')];
  // Nothing that a person could mend with this program, or that is about to break.
  return [ok('limits', `the engine can't enforce ${unenforced}: the containers run without`)];
}

/** Who may speak on the bus. Nothing that anybody is asked for there is a password. */
export async function checkBus({ stack, session }: Facts): Promise<readonly Line[]> {
  const [{ spec }, { spec: made }] = await Promise.all([stack.know(), session.know()]);
  if (made.tls.cluster)
    return [ok('bus', 'it is encrypted, and only who has a certificate of this stack speaks on it')];
  const text = 'it is not encrypted: whoever reaches the network of the containers can speak on it';
  // What it says for itself, or what its image can't do otherwise, is as somebody wants it.
  if (!spec.tls.cluster || !made.tls.enabled) return [ok('bus', text)];
  const mend = hint`Set tls.cluster: true in the YAML file, then: ${run('up')}   # all nodes restart at once, every key stays`;
  return [warning('bus', `${text}. It stays as it was made`, mend)];
}

/** What `up` would do to things that are there and run: they are not as the YAML file says. */
export async function checkDrift(facts: Facts): Promise<readonly Line[]> {
  const containers = await facts.containers.know();
  if (containers.every(({ container }) => container === undefined)) return [];
  const session = await facts.session.know();
  const probes = await facts.probes.know();
  const { wanted, observed } = await facts.obstacles.know();
  const { planUp } = await import('../../plan/engine/plan-up.ts');
  const isSound = (target: string): boolean =>
    !containers.some(({ name, container }) => name === target && container?.state !== 'running');
  const image = await facts.image.know();
  // Without an image every container would have another one.
  const actions =
    image === undefined ? [] : planUp(session.spec, wanted, observed).filter(({ target }) => isSound(target));
  const areAllThere = probes.every(({ view }) => view.reachable);
  const { plan } = await import('../commands/plan.ts');
  const planned = areAllThere && actions.length === 0 ? await plan(session) : { actions, notices: [], conflicts: [] };
  const { actions: changes, notices, conflicts } = planned;
  const refused = conflicts.map(({ message, hint: mend }) => warning('drift', `up refuses: ${message}`, mend));
  const left = [...refused, ...notices.map(({ text: what, hint: mend }) => warning('users', what, mend))];
  if (changes.length === 0) return orOk(left, 'drift', 'what runs is as the YAML file says');
  const shown = 4;
  const more = changes.length > shown ? `, and ${changes.length - shown} more` : '';
  const text = `not all is as the YAML file says; up would: ${changes.slice(0, shown).map(actionText).join(', ')}${more}`;
  return [warning('drift', text, run('plan')), ...left];
}
