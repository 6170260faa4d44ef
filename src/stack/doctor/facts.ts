import { withinBounds } from '../../bounds.ts';
import type { NodeView } from '../../cluster/nodes/view.ts';
import type { Engine, EngineVersion } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { Observed, Wanted } from '../../plan/model/observed.ts';
import type { Present } from '../../plan/engine/plan-down.ts';
import type { Container, ContainerDetails } from '../../plan/model/resources.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import type { StackSecret } from '../../secrets/source.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { readCertificates, type Certificates } from '../commands/certs.ts';
import { lookUntilLasting } from '../commands/cluster/check.ts';
import { readPresent } from '../commands/down.ts';
import { resolveImage, type ResolvedImage } from '../observe/image.ts';
import { findPasswordConflicts } from '../connect/passwords.ts';
import { linkNodes } from '../connect/with-nodes.ts';
import { loadStack, type LoadedStack } from '../session/load.ts';
import { recall } from '../observe/ask-image.ts';
import { whyUnseen } from '../observe/container-end.ts';
import { observeEngine } from '../observe/observe.ts';
import { findObstacles } from '../observe/obstacles.ts';
import {
  openEngine,
  openEngineOf,
  rejectOtherEngine,
  sessionOf,
  withBusAsMade,
  withSecret,
  type ConnectionOptions,
} from '../session/open.ts';
import type { Session } from '../session/session.ts';
import { stackFile } from '../session/stack-file.ts';
import { openSource } from '../session/source.ts';
import { findConflicts, type Conflict } from '../../plan/engine/conflicts.ts';
import { desiredOf } from '../observe/wanted.ts';
import { fact, type Fact } from './fact.ts';

/** All that the checks look at. Each is found out when it is first asked for, and only once. */
export interface Facts {
  readonly options: ConnectionOptions;
  readonly stack: Fact<LoadedStack>;
  readonly engine: Fact<{ readonly engine: Engine; readonly version: EngineVersion }>;
  /** undefined where none was made yet, or Vault is not to be asked. */
  readonly secret: Fact<StackSecret | undefined>;
  readonly session: Fact<Session>;
  /** Another user has given the nodes another password than the one that is kept here. */
  readonly passwordConflict: Fact<Conflict | undefined>;
  readonly resources: Fact<Present>;
  readonly image: Fact<ResolvedImage | undefined>;
  /** In the order of the YAML file. */
  readonly containers: Fact<readonly NodeContainer[]>;
  readonly obstacles: Fact<Obstacles>;
  readonly certificates: Fact<Certificates>;
  readonly probes: Fact<readonly Probe[]>;
  /** The same over TLS, where it isn't over TLS anyway. */
  readonly tlsProbes: Fact<readonly Probe[]>;
  readonly close: () => void;
}

export interface NodeContainer {
  readonly node: NodeSpec;
  readonly name: string;
  /** undefined where there is none, or it is somebody else's. */
  readonly container: Container | undefined;
  /** Why it isn't asked anything where it doesn't run. */
  readonly absence: string;
  /** The container of another node, which runs. */
  readonly neighbour: string | undefined;
  /** undefined where the engine doesn't tell. */
  readonly details: ContainerDetails | undefined;
}

interface Obstacles {
  readonly wanted: Wanted;
  readonly observed: Observed;
  readonly conflicts: readonly Conflict[];
}

/** What one node answered on one of its ports. */
export interface Probe {
  readonly node: NodeSpec;
  /** `127.0.0.1:6379` */
  readonly address: string;
  /** Why it was not asked. */
  readonly absence: string | undefined;
  readonly view: NodeView;
  /** It runs and refused every password that is known. */
  readonly isRefused: boolean;
  /** The one that it took. */
  readonly password: Secret | undefined;
  /** How far its clock is ahead of this host's. */
  readonly clockAheadMs: number | undefined;
  /** Its CLUSTER NODES, CLUSTER INFO and INFO. */
  readonly raw: string;
}

/** A node that hangs is one that doesn't answer within this: it keeps nobody waiting for its neighbours. */
const REPLY_TIMEOUT_MS = 3000;

/** @param options with bounds that a person has the patience for */
export function gatherFacts(options: ConnectionOptions): Facts {
  const links: NodeLink[] = [];
  const stack = fact('the YAML file has problems', async () => {
    const loaded = await loadStack(stackFile(options));
    rejectOtherEngine(loaded, options);
    return loaded;
  });
  const engine = fact('the engine does not answer', async () => {
    const loaded = await stack.know().catch(() => undefined);
    const opening = loaded === undefined ? openEngine(options) : openEngineOf(loaded, options);
    const connected = await withinBounds(opening, 'the container engine was not found', options);
    return { engine: connected, version: await connected.version() };
  });
  const opened = fact('the source of the password is not known', async () => {
    const source = openSource(await stack.know(), options);
    options.onOpen(source.close);
    return source;
  });
  const secret = fact('the password is not known', async () => {
    const { source } = await opened.find();
    if (options.offline && source.file === undefined) return undefined;
    return withinBounds(source.read(), `${source.description} did not give the password`, options);
  });
  const session = fact('the engine does not list its containers', async () => {
    const [loaded, source, { engine: connected }] = await Promise.all([stack.know(), opened.find(), engine.know()]);
    const known = await secret.know().catch(() => undefined);
    const opening = await withSecret(sessionOf(loaded, source, connected, options), known);
    return { ...(await withBusAsMade(opening)), offline: options.offline };
  });
  const passwordConflict = fact('the containers do not tell their password', async () => {
    const [opening, known] = await Promise.all([session.know(), secret.know()]);
    return known && (await findPasswordConflicts(opening, known.password))[0];
  });
  const resources = fact('the engine does not list what it has', async () => readPresent((await engine.know()).engine));
  const image = fact('the engine does not tell about its images', async () => {
    const [{ spec }, { engine: connected }] = await Promise.all([stack.know(), engine.know()]);
    return resolveImage(connected, spec.redis.image);
  });
  const containers = fact('the containers are not known', async () =>
    findContainers(await session.know(), await resources.know()),
  );
  const obstacles = fact('the engine does not tell what it has', async (): Promise<Obstacles> => {
    const [opening, found] = await Promise.all([session.know(), image.know()]);
    const { wanted } = desiredOf(opening, found && { ...found, answer: await recall(opening, found) });
    const observed = await observeEngine(opening.engine, opening.spec, wanted);
    const conflicts = findConflicts(opening.spec.name, wanted, observed);
    return { wanted, observed, conflicts: [...conflicts, ...(await findObstacles(opening, wanted, observed))] };
  });
  const certificates = fact('the certificates are not known', async () => readCertificates(await session.know()));
  const probe = async (linked: Session, isTls: boolean): Promise<readonly Probe[]> => {
    const present = await containers.know();
    const password = (await secret.know().catch(() => undefined))?.password;
    if (present.every(({ container }) => container?.state !== 'running'))
      return present.map((one) => absent(one, one.absence));
    const made = (await linkNodes(linked, { password, isTls })).map((link) => link.patient(REPLY_TIMEOUT_MS));
    links.push(...made);
    const look = (): Promise<Probe[]> => Promise.all(present.map(async (one, at) => probeNode(one, linked, made[at])));
    return lookUntilLasting(linked, look, (probes) => probes.map(({ view }) => view));
  };
  return {
    options,
    stack,
    engine,
    secret,
    session,
    passwordConflict,
    resources,
    image,
    containers,
    obstacles,
    certificates,
    probes: fact('no node can be asked', async () => probe(await session.know(), false)),
    tlsProbes: fact('no node can be asked over TLS', async () => probe(await session.know(), true)),
    close: () => {
      for (const link of links) link.close();
    },
  };
}

async function findContainers({ engine, spec }: Session, { containers }: Present): Promise<NodeContainer[]> {
  const own = containers.filter(isOwn(spec.name));
  return Promise.all(
    spec.nodes.map(async (node): Promise<NodeContainer> => {
      const name = containerName(spec.name, node.name);
      const container = own.find((one) => one.name === name);
      const neighbour = own.find((one) => one.name !== name && one.state === 'running')?.name;
      // One that the engine can't be asked about keeps nobody from the others.
      const inspect = (): Promise<ContainerDetails | undefined> => engine.inspectContainer(name).catch(() => undefined);
      const absence = whyUnseen(engine, node, container);
      return { node, name, container, absence, neighbour, details: container && (await inspect()) };
    }),
  );
}

function absent({ node }: NodeContainer, absence: string): Probe {
  const view: NodeView = { name: node.name, reachable: false, reason: absence };
  return { node, address: '', absence, view, isRefused: false, password: undefined, clockAheadMs: undefined, raw: '' };
}

async function probeNode(present: NodeContainer, { spec }: Session, link: NodeLink | undefined): Promise<Probe> {
  const { node, container } = present;
  // Nobody else's Redis on the same port is to be taken for ours, or to be sent our password.
  if (container?.state !== 'running' || link === undefined) return absent(present, present.absence);
  if (container.addresses[spec.network.name] === undefined) {
    return absent(present, `its container is not on the network ${spec.network.name}`);
  }
  const asked = { node, address: `${link.address.host}:${link.address.port}`, absence: undefined };
  const nothing = { password: undefined, clockAheadMs: undefined, raw: '' };
  try {
    const view = await link.observe();
    if (!view.reachable) return { ...asked, ...nothing, view, isRefused: false };
    const [password, clockAheadMs, raw] = await Promise.all([link.takenPassword(), clockAhead(link), ownWords(link)]);
    return { ...asked, view, isRefused: false, password, clockAheadMs, raw };
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    const view = { name: node.name, reachable: false, reason: error.message, mend: 'restart' } as const;
    return { ...asked, ...nothing, view, isRefused: error.code === 'AUTH_FAILED' };
  }
}

/** Compared with the middle of the time that the question took. */
async function clockAhead(link: NodeLink): Promise<number | undefined> {
  const before = Date.now();
  const reply = await link.send('TIME');
  if (!Array.isArray(reply)) return undefined;
  return Number(reply[0]) * 1000 + Number(reply[1]) / 1000 - (before + Date.now()) / 2;
}

async function ownWords(link: NodeLink): Promise<string> {
  const replies = await Promise.all([link.send('CLUSTER', 'NODES'), link.send('CLUSTER', 'INFO'), link.send('INFO')]);
  return replies.map((reply) => `${String(reply).replaceAll('\r', '')}\n`).join('\n');
}
