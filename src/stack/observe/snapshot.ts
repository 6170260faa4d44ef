import type { NodeView } from '../../cluster/nodes/view.ts';
import type { Engine } from '../../engine/engine.ts';
import { hasCode } from '../../errors.ts';
import type { Desired } from '../../plan/scene.ts';
import { nodeAsMade } from '../../plan/model/host-ports.ts';
import { containerName, LABELS } from '../../plan/model/names.ts';
import type { Observed } from '../../plan/model/observed.ts';
import { NO_FACTS, type Snapshot } from '../../plan/model/snapshot.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import type { NodeLink } from '../../redis/node-link.ts';
import type { Secret } from '../../secret.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { linkNodes, nodesOf, type Nodes } from '../connect/with-nodes.ts';
import type { Session } from '../session/session.ts';
import {
  findRefused,
  NO_NODE_FACTS,
  outdatedReader,
  readNodeFacts,
  readSettingsOf,
  type NodeFacts,
  readRepairFacts,
} from './node-facts.ts';
import { findDamagedTables, whyUnseen } from './container-end.ts';
import { observeEngine } from './observe.ts';
import { findObstacles } from './obstacles.ts';
import { settle } from '../../plan/engine/places.ts';
import { leftovers } from '../../plan/engine/plan-up.ts';
import type { Container } from '../../plan/model/resources.ts';

/** Looks again and again at all that a plan depends on. */
export interface Looker {
  readonly look: () => Promise<Snapshot>;
  /** What is known of these parts is not so any more: they are looked at again. */
  readonly forget: (part: 'engine' | 'nodes') => void;
  /** Nodes that have just been given all their files: these need not be read again to know them. */
  readonly learn: (node: string, config: ConfigText) => void;
  /** To the nodes of the last look. */
  readonly nodes: () => Nodes;
  readonly close: () => void;
}

export interface LookerOptions {
  /** Which the nodes should have, where that is known; asked when a node runs that can be asked with it. */
  readonly password: () => Promise<Secret | undefined>;
  /** This host had lost the authority that signed the nodes' certificates when this run began. */
  readonly isAuthorityLost?: boolean;
}

/** An engine that is waited for is asked this often; what has become of a node that doesn't answer shows there first. */
const ENGINE_AGAIN_MS = 1000;
/** For as long as others would wait: in a single moment a healthy node may be busy. */
const SILENT_AFTER_MS = 3000;

interface EnginePart extends Pick<Snapshot, 'engine' | 'obstacles' | 'former' | 'damagedTables'> {
  readonly outdatedOn: ReturnType<typeof outdatedReader>;
  /** With each node of the YAML file on the host where it is. */
  readonly settled: Pick<Desired, 'spec' | 'wanted'>;
  readonly at: number;
}

export function openLooker(
  session: Session,
  { spec, wanted, wish }: Desired,
  { password, isAuthorityLost = false }: LookerOptions,
): Looker {
  const known = new Map<string, ConfigText>();
  const silentSince = new Map<string, number>();
  let part: EnginePart | undefined;
  let ofNodes: NodeFacts | undefined;
  let settings: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map();
  let links: readonly NodeLink[] = [];
  let isAnyAway = false;

  const lookAtEngine = async (listed: Promise<Container[]>): Promise<EnginePart> => {
    const engine =
      wish === undefined
        ? await observeEngine(session.engine, spec, wanted, known, listed)
        : await listOnly(session.engine, listed);
    const settled = settle({ spec, wanted }, { engine, views: [] });
    const [obstacles, damagedTables] = await Promise.all([
      wish === undefined ? findObstacles(session, settled.wanted, engine) : [],
      findDamagedTables(session, engine.containers),
    ]);
    const former = engine.members.length === 0 ? [] : findFormerNodes(session, engine.containers);
    const outdatedOn = outdatedReader(session);
    return { engine, obstacles, damagedTables, former, settled, outdatedOn, at: performance.now() };
  };
  const askNodes = async (containers: readonly Container[], former: readonly NodeSpec[]): Promise<NodeView[]> => {
    const nodes = [...spec.nodes, ...former];
    if (isAnyRunning(session, containers)) await aim(nodes, containers);
    return observeViews(session, nodes, containers, links);
  };
  const aim = async (nodes: readonly NodeSpec[], containers: readonly Container[]): Promise<void> => {
    const next = await linkNodes(session, {
      password: await password(),
      nodes,
      containers,
    });
    const keep = (link: NodeLink): NodeLink =>
      links.find(({ address }) => JSON.stringify(address) === JSON.stringify(link.address)) ?? link;
    const kept = next.map(keep);
    for (const link of links) if (!kept.includes(link)) link.close();
    links = kept;
  };
  const look = async (): Promise<Snapshot> => {
    let seen: readonly NodeView[] | undefined;
    if (part === undefined || (isAnyAway && performance.now() - part.at > ENGINE_AGAIN_MS)) {
      // The nodes answer while the engine looks into their containers. Both end before one that fails is heard of.
      const listed = session.engine.listContainers();
      const parts = [lookAtEngine(listed), listed.then((containers) => askNodes(containers, []))] as const;
      await Promise.allSettled(parts);
      [part, seen] = await Promise.all(parts);
      if (part.former.length > 0) seen = await askNodes(part.engine.containers, part.former);
    }
    const { engine, obstacles, former, damagedTables, settled, outdatedOn } = part;
    const here = { ...session, spec: settled.spec };
    const views = seen ?? (await observeViews(session, [...spec.nodes, ...former], engine.containers, links));
    const now = performance.now();
    for (const { name, reachable } of views) {
      if (reachable) silentSince.delete(name);
      else if (!silentSince.has(name)) silentSince.set(name, now);
    }
    const silent = new Set(
      [...silentSince].filter(([, since]) => now - since >= SILENT_AFTER_MS).map(([name]) => name),
    );
    isAnyAway = silentSince.size > 0;
    const nodes = nodesOf(links);
    const isClosed = wish === undefined && isAnyAway && spec.tls.enabled && !spec.tls.plain;
    const readFacts = async (): Promise<NodeFacts> => {
      if (wish === undefined && !isAnyAway)
        ofNodes ??= await readNodeFacts(here, nodes, await password(), isAuthorityLost, known);
      return ofNodes ?? (isClosed ? findRefused(here, isAuthorityLost) : NO_NODE_FACTS);
    };
    // Who has just been given his files has read them.
    const older = views.filter(({ name }) => !known.has(containerName(spec.name, name)));
    const [some, facts, nowSet] = await Promise.all([
      readFacts(),
      isAnyAway ? NO_FACTS : readRepairFacts(spec, views, nodes, { volumes: engine.volumes, outdatedOn }),
      wish === undefined ? readSettingsOf(older, nodes, settings) : settings,
    ]);
    settings = nowSet;
    return { engine, obstacles, former, damagedTables, views, silent, ...some, settings, facts };
  };
  return {
    look,
    forget: (which) => {
      if (which === 'engine') part = undefined;
      ofNodes = undefined;
      settings = new Map();
    },
    learn: (node, config) => known.set(containerName(spec.name, node), config),
    nodes: () => nodesOf(links),
    close: () => {
      for (const link of links) link.close();
    },
  };
}

/** For who changes nothing of the engine but what runs on it. */
async function listOnly(engine: Engine, listed: Promise<Container[]>): Promise<Observed> {
  const [containers, volumes] = await Promise.all([listed, engine.listVolumes()]);
  return { ...NOTHING, containers, volumes, away: engine.away() };
}

const NOTHING: Observed = {
  away: new Map(),
  networks: [],
  containers: [],
  volumes: [],
  halfMadeVolumes: new Set(),
  settings: new Map(),
  unread: new Set(),
  formats: new Map(),
  config: new Map(),
  data: new Map(),
  copies: new Map(),
  members: [],
  entrances: [],
};

function isAnyRunning({ spec }: Session, containers: readonly Container[]): boolean {
  return containers.some(
    ({ name, state }) => state === 'running' && spec.nodes.some((node) => name === containerName(spec.name, node.name)),
  );
}

/** A node whose password is nobody's is one that doesn't answer, and only a restart brings back the one in its files. */
async function observeOrRefused(link: NodeLink): Promise<NodeView> {
  try {
    return await link.observe();
  } catch (error) {
    if (!hasCode(error, 'AUTH_FAILED')) throw error;
    return { name: link.name, reachable: false, reason: error.message, mend: 'restart' };
  }
}

/** Nobody else's Redis on a port that is to be ours is asked anything, or sent our password. */
function observeViews(
  { spec, engine }: Session,
  nodes: readonly NodeSpec[],
  containers: readonly Container[],
  links: readonly NodeLink[],
): Promise<NodeView[]> {
  return Promise.all(
    nodes.map(async (node): Promise<NodeView> => {
      const { name } = node;
      const container = containers.find((one) => one.name === containerName(spec.name, name));
      const link = links.find((one) => one.name === name);
      if (container?.state === 'running' && link !== undefined) return observeOrRefused(link);
      return { name, reachable: false, reason: whyUnseen(engine, node, container) };
    }),
  );
}

/** Nodes that run and left the YAML file, with what their containers tell of them. */
function findFormerNodes({ spec }: Pick<Session, 'spec'>, containers: readonly Container[]): NodeSpec[] {
  return leftovers(spec, containers)
    .filter(({ state }) => state === 'running')
    .map((container) => {
      const ip = Object.values(container.addresses)[0] ?? '';
      const name = container.labels[LABELS.node] ?? container.name;
      const node = nodeAsMade(spec, { name, ip, host: container.host }, container);
      // No client is led there any more.
      const entrance = { host: undefined, plain: node.ports.plain, tls: node.ports.tls };
      return { ...node, entrance, initialRole: 'replica', initialPrimary: undefined };
    });
}
