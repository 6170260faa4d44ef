import type { Bounds } from '../../bounds.ts';
import { connectDocker } from '../../engine/docker.ts';
import type { Engine } from '../../engine/engine.ts';
import { connectHosts } from '../../engine/hosts/connect-hosts.ts';
import { hostSettings, locateEngine } from '../../engine/locate.ts';
import type { OnAbsence } from '../../engine/patience.ts';
import { StackError } from '../../errors.ts';
import { findOwner } from '../../host/owner.ts';
import { containerName, isOwn, LABELS, volumeName } from '../../plan/model/names.ts';
import type { StackSecret } from '../../secrets/source.ts';
import { lockMarks } from './lock-marks.ts';
import { lockFiles } from './lock-files.ts';
import { lockStack, type LockMedium } from './stack-lock.ts';
import { loadStack, type LoadedStack } from './load.ts';
import type { LabelSession, Report, Session } from './session.ts';
import { besides, openSource, type OpenedSource } from './source.ts';
import { stackFile, type FileSearch } from './stack-file.ts';
import { durationText } from '../../units.ts';

export interface ConnectionOptions extends FileSearch {
  readonly host: string | undefined;
  readonly offline: boolean;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly report: Report;
  /** Told how to close what a session opens, as soon as it opens it. */
  readonly onOpen: (close: () => Promise<void>) => void;
}

export interface SessionNeeds {
  /** The command depends on what the stack's secret says. */
  readonly secret?: boolean;
  /** Other bounds than the command's own: a service ends what is under way after it was told to end. */
  readonly bounds?: Bounds;
  /** What the command is called that changes the stack: no two of them do so at once. */
  readonly exclusive?: string | undefined;
}

/**
 * The YAML file first: with a mistake in it, nothing else is even asked. Then the secret, where it is needed: with Vault
 * out of reach, the engine isn't asked either.
 */
export async function openSession(
  given: ConnectionOptions,
  { secret: needsSecret = false, bounds, exclusive }: SessionNeeds = {},
): Promise<Session> {
  const lost = new AbortController();
  const asked = { ...given, ...bounds };
  const options = { ...asked, signal: AbortSignal.any([asked.signal, lost.signal]) };
  const file = stackFile(options);
  const first = await loadStack(file);
  rejectOtherEngine(first, options);
  const { spec } = first;
  const hosts = exclusive === undefined || spec.hosts.length === 0 ? undefined : await openHosts(first, options);
  const onLost = (reason: StackError): void => lost.abort(reason);
  const lock =
    exclusive === undefined
      ? undefined
      : await lockStack({ ...options, spec }, exclusive, await mediumOf(spec.name, options.env, hosts), onLost);
  if (lock !== undefined) options.onOpen(lock.release);
  // Whoever had the lock may have changed the file: `cluster add-node` does.
  const isOld = lock?.hasWaited === true;
  const stack = isOld ? await loadStack(file) : first;
  const opened = openSource(stack, options);
  options.onOpen(opened.close);
  const offline = options.offline && opened.source.file === undefined;
  const secret = needsSecret && !offline ? await opened.source.read() : undefined;
  const engine =
    (isOld ? undefined : hosts) ??
    (await openEngineOf(stack, options, exclusive === undefined ? undefined : patienceOf(options)));
  const session = { ...sessionOf(stack, opened, engine, options), confirmLock: lock?.confirm };
  return { ...(await withSecret(session, secret)), offline };
}

/** For the processes of this user; or on hosts, for everybody who reaches them. */
export function mediumOf(stack: string, env: NodeJS.ProcessEnv, hosts: Engine | undefined): Promise<LockMedium> {
  return hosts === undefined ? lockFiles(stack, env) : lockMarks(hosts, stack);
}

/** @param secret undefined where it was not asked for: then what it said when the containers were made counts */
export async function withSecret(session: Session, secret: StackSecret | undefined): Promise<Session> {
  const { spec, vault } = session;
  const isUnknown = vault !== undefined && secret === undefined && spec.tls.isOpen;
  const tlsEnabled = isUnknown ? await servesTls(session) : secret?.tlsEnabled;
  const isOff = spec.tls.isOpen && tlsEnabled === false;
  return { ...session, spec: isOff ? { ...spec, tls: { ...spec.tls, enabled: false, cluster: false } } : spec, secret };
}

/**
 * What has been made with a plain bus keeps it where the YAML file leaves that open: nodes of which only some speak TLS there
 * don't find each other, so that all have to change at once.
 */
export async function withBusAsMade(session: Session): Promise<Session> {
  const { engine, spec } = session;
  const { cluster, isBusOpen } = spec.tls;
  if (!cluster || !isBusOpen) return session;
  const isPlain = (await engine.listContainers()).some(
    (one) => isOwn(spec.name)(one) && one.labels[LABELS.tls] === 'yes',
  );
  return { ...session, spec: { ...spec, tls: { ...spec.tls, cluster: !isPlain, isBusOpen: false } } };
}

/** A session for which nothing was asked yet but the YAML file. */
export function sessionOf(
  stack: LoadedStack,
  opened: OpenedSource,
  engine: Engine,
  { env, signal, timeoutMs, report }: Omit<LabelSession, 'engine'>,
): Session {
  return { ...stack, ...opened, engine, secret: undefined, offline: false, env, signal, timeoutMs, report };
}

/**
 * Without a YAML file: it may be broken, or not be there.
 *
 * @throws StackError USAGE where one was named all the same
 */
export async function openByLabel(options: ConnectionOptions): Promise<LabelSession> {
  const { file, env, report, signal, timeoutMs } = options;
  if (file !== undefined) {
    throw new StackError('USAGE', {
      message: '-f goes neither with --name nor with --all-stale: these find what is there by its labels',
      hint: 'Leave one of them out.',
    });
  }
  return { engine: await openEngine(options, patienceOf(options)), env, report, signal, timeoutMs };
}

/** The one that is found, or those of the YAML file. */
export function openEngineOf(stack: LoadedStack, options: ConnectionOptions, onAbsence?: OnAbsence): Promise<Engine> {
  return stack.spec.hosts.length > 0 ? openHosts(stack, options) : openEngine(options, onAbsence);
}

export async function openEngine(
  { host, env, signal, timeoutMs }: ConnectionOptions,
  onAbsence?: OnAbsence,
): Promise<Engine> {
  const labels = await ownerLabels(env);
  return connectDocker(await locateEngine({ host, env }), { signal, timeoutMs }, { labels, onAbsence });
}

async function ownerLabels(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const owner = await findOwner(env);
  return owner === undefined ? {} : { [LABELS.owner]: owner };
}

/** No patience with any of them: one that is away keeps nobody from the others. */
async function openHosts(stack: LoadedStack, { env, signal, timeoutMs }: ConnectionOptions): Promise<Engine> {
  const { name: stackName, hosts, nodes } = stack.spec;
  const labels = await ownerLabels(env);
  const bounds = { signal, timeoutMs };
  const engines = hosts.map(async ({ name, engine, tls }) => {
    const settings = hostSettings(name, engine, tls === undefined ? undefined : besides(stack, tls, env));
    return { name, engine: await connectDocker(settings, bounds, { labels }) };
  });
  const placement = nodes.flatMap(({ name, host = '' }): [string, string][] => [
    [containerName(stackName, name), host],
    [volumeName(stackName, name), host],
  ]);
  return connectHosts(await Promise.all(engines), new Map(placement), bounds);
}

/** @throws StackError USAGE for an engine beside those of the YAML file */
export function rejectOtherEngine({ spec }: LoadedStack, { host }: Pick<ConnectionOptions, 'host'>): void {
  if (spec.hosts.length === 0 || host === undefined) return;
  throw new StackError('USAGE', {
    message: `--host names one engine, and the YAML file of ${spec.name} names its hosts`,
    hint: 'Leave it out.',
  });
}

/** Who changes the stack waits for an engine that is restarted meanwhile; who only looks is told at once. */
function patienceOf({ report }: ConnectionOptions): OnAbsence {
  const subject = 'engine';
  return {
    onAway: (timeoutMs) =>
      report({
        subject,
        state: 'failed',
        text: `does not answer any more; waits for it, up to ${durationText(timeoutMs)}`,
      }),
    onBack: () => report({ subject, state: 'done', text: 'answers again' }),
  };
}

/** undefined where the stack has no container. */
async function servesTls({ engine, spec }: Session): Promise<boolean | undefined> {
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  return containers.length === 0 ? undefined : containers.some(({ labels }) => labels[LABELS.tls] !== 'no');
}
