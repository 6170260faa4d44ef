import { isBootstrapping, isPhantom } from '../../cluster/nodes/bootstrap-table.ts';
import { busAddress, parseNodeTable, type NodeTable } from '../../cluster/nodes/node-table.ts';
import { list } from '../../cluster/findings/finding.ts';
import type { Engine } from '../../engine/engine.ts';
import { labelledEntrances } from '../../plan/model/host-ports.ts';
import { containerName, isOwn, nodeOfContainer } from '../../plan/model/names.ts';
import type { NodeData, Observed, Wanted } from '../../plan/model/observed.ts';
import { unsetLimits } from '../../plan/engine/drift.ts';
import { findUnknown } from '../../plan/engine/places.ts';
import { leftovers, needsData } from '../../plan/engine/plan-up.ts';
import type { ConfigText } from '../../plan/node/config-drift.ts';
import {
  CONFIG_FOLDER,
  initialNodeTable,
  isStamped,
  NODE_TABLE_FILE,
  REDIS_CONF_FILE,
  USER_CONF_FILE,
  writtenAppendonly,
} from '../../plan/node/redis-config.ts';
import type { Container, Limit, Volume } from '../../plan/model/resources.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';
import { observeEntrances } from './entrances.ts';
import { findDataFiles, readFormat } from './data-folder.ts';

const LIMITS: Record<Limit, string> = { memory: 'redis.memory', cpus: 'redis.cpus', processes: 'a limit of processes' };

/** `redis.memory and redis.cpus`: the containers run without these; undefined where the engine enforces all. */
export async function observeUnenforced(
  engine: Engine,
  settings: Observed['settings'] = new Map(),
): Promise<string | undefined> {
  const limits = new Set([...(await engine.unenforcedLimits()), ...[...settings.values()].flatMap(unsetLimits)]);
  return limits.size === 0 ? undefined : list([...limits].map((limit) => LIMITS[limit]));
}

/**
 * Everything on the engine that a plan depends on. Reads only.
 *
 * @param known container name → its configuration, of those that have just been given theirs
 * @param listed the engine's containers, for who looks at them meanwhile
 */
export async function observeEngine(
  engine: Engine,
  spec: Spec,
  wanted: Wanted,
  known: ReadonlyMap<string, ConfigText> = new Map(),
  listed: Promise<Container[]> = engine.listContainers(),
): Promise<Observed> {
  const [networks, containers, allVolumes] = await Promise.all([engine.listNetworks(), listed, engine.listVolumes()]);
  const wantedConfig = (container: string): ConfigText | undefined =>
    wanted.config.get(nodeOfContainer(spec, container)?.name ?? '');
  const own = containers.filter(({ name }) => [...wanted.containers.values()].some((one) => one.name === name));
  const halfMade = await findHalfMade(engine, wanted, allVolumes);
  const halfMadeVolumes = new Set(halfMade.map(({ name }) => name));
  const volumes = allVolumes.filter((one) => !halfMade.includes(one));
  const ofOthers = own.filter(({ imageId }) => wanted.imageId !== '' && imageId !== wanted.imageId);
  const [members, formats, settings, config] = await Promise.all([
    findMembers(engine, leftovers(spec, containers)),
    byName(ofOthers, ({ name }) => readFormat(engine, spec, name)),
    byName(own, ({ name }) => engine.inspectContainer(name)),
    byName(own, async ({ name }) => known.get(name) ?? readConfig(engine, name, wantedConfig(name))),
  ]);
  const addresses = [...(wanted.proxy?.addresses ?? []), ...labelledEntrances(containers.filter(isOwn(spec.name)))];
  const [unread, entrances] = await Promise.all([
    findUnread(engine, spec, own, config),
    observeEntrances(addresses, engine.endpoint),
  ]);
  const away = engine.away();
  const seen = {
    away,
    networks,
    containers,
    volumes,
    halfMadeVolumes,
    members,
    formats,
    settings,
    config,
    unread,
    entrances,
  };
  if (!needsData(spec, wanted, seen)) return { ...seen, data: new Map(), copies: new Map() };
  const unknown = findUnknown(spec, seen);
  const found = await Promise.all(
    spec.nodes.map(async (node): Promise<FoundData> => {
      // It may hold data.
      if (unknown.includes(node.name)) return { node, data: 'formed' };
      const volume = wanted.containers.get(node.name)?.volume.name;
      if (!volumes.some(({ name }) => name === volume)) return { node, data: 'empty' };
      const hasContainer = containers.some(({ name }) => name === containerName(spec.name, node.name));
      return hasContainer ? observeData(engine, spec, node) : { node, data: 'unseen' };
    }),
  );
  return { ...seen, data: new Map(found.map(({ node, data }) => [node.name, data])), copies: findCopies(found) };
}

async function findHalfMade(engine: Engine, wanted: Wanted, volumes: readonly Volume[]): Promise<Volume[]> {
  const names = new Set([...wanted.containers.values()].map(({ volume }) => volume.name));
  const nobodys = volumes.filter(({ name, labels }) => names.has(name) && Object.keys(labels).length === 0);
  if (nobodys.length === 0) return [];
  const empty = await engine.findEmptyVolumes();
  return nobodys.filter((one) => empty.some(({ name, host }) => name === one.name && host === one.host));
}

async function byName<T>(
  containers: readonly Container[],
  read: (container: Container) => Promise<T | undefined>,
): Promise<Map<string, T>> {
  const found = await Promise.all(
    containers.map(async (one): Promise<[string, T | undefined]> => [one.name, await read(one)]),
  );
  return new Map(found.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** Of a node that doesn't run only its folder tells, and only where its next configuration reads another file. */
async function findUnread(
  engine: Engine,
  { redis }: Spec,
  own: readonly Container[],
  config: ReadonlyMap<string, ConfigText>,
): Promise<Set<string>> {
  const switched = own.filter(({ name, state }) => {
    const written = writtenAppendonly(config.get(name)?.redisConf ?? '');
    return state !== 'running' && written === !redis.persistence.appendonly;
  });
  const found = await byName(switched, ({ name }) => findDataFiles(engine, name));
  return new Set([...found].filter(([, files]) => files.hasDump || files.hasAppendOnlyFile).map(([name]) => name));
}

/**
 * A node's configuration as its files say it; undefined where it has not been given them.
 *
 * @param wanted what it should be: files that are stamped with it are not read
 */
export async function readConfig(
  engine: Engine,
  container: string,
  wanted?: ConfigText,
): Promise<ConfigText | undefined> {
  const isAsWritten = async (path: string, text: string): Promise<boolean> =>
    isStamped(await engine.statFile(container, path), text);
  if (wanted !== undefined) {
    const { redisConf, userConf } = wanted;
    const files = [isAsWritten(REDIS_CONF_FILE, redisConf), isAsWritten(USER_CONF_FILE, userConf)];
    if ((await Promise.all(files)).every(Boolean)) return wanted;
  }
  const files = await engine.readFolder(container, CONFIG_FOLDER);
  const redisConf = files?.get(REDIS_CONF_FILE);
  return redisConf === undefined ? undefined : { redisConf, userConf: files?.get(USER_CONF_FILE) ?? '' };
}

interface FoundData {
  readonly node: NodeSpec;
  readonly data: NodeData;
  readonly table?: NodeTable;
}

function findCopies(found: readonly FoundData[]): Map<string, string[]> {
  const copies = found.flatMap(({ node, data, table }) => {
    const primary = table?.rows.find(({ id }) => id === table.myself.primaryId);
    return data === 'formed' && primary !== undefined ? [{ name: node.name, address: busAddress(primary) }] : [];
  });
  return new Map(
    found
      .filter(({ data }) => data === 'empty')
      .map(({ node }): [string, string[]] => [
        node.name,
        copies.filter(({ address }) => address === busAddress(node.announced)).map(({ name }) => name),
      ])
      .filter(([, names]) => names.length > 0),
  );
}

async function findMembers(engine: Engine, containers: readonly Container[]): Promise<string[]> {
  const members = await Promise.all(
    containers.map(async ({ name, state }) => {
      const text = await engine.readFile(name, NODE_TABLE_FILE);
      return text !== undefined && isMember(text, state === 'running') ? [name] : [];
    }),
  );
  return members.flat();
}

/** A table that can't be read counts as a member's: better asked once too often. */
function isMember(text: string, runs: boolean): boolean {
  try {
    const { myself, rows } = parseNodeTable(text);
    return myself.slots.length > 0 || (runs && rows.length > 1);
  } catch {
    return true;
  }
}

async function observeData(engine: Engine, spec: Spec, node: NodeSpec): Promise<FoundData> {
  const container = containerName(spec.name, node.name);
  const text = await engine.readFile(container, NODE_TABLE_FILE);
  if (text === undefined) {
    const { hasDump, hasAppendOnlyFile } = await findDataFiles(engine, container);
    return { node, data: hasDump || hasAppendOnlyFile ? 'formed' : 'empty' };
  }
  try {
    const table = parseNodeTable(text);
    if (!isBootstrapping(table)) return { node, data: 'formed', table };
    const isWanted = isSameCluster(table, parseNodeTable(initialNodeTable(spec, node)));
    return { node, data: isWanted ? 'bootstrapping' : 'foreign bootstrap' };
  } catch {
    // Not a node table. Redis will refuse it and say why; it isn't ours to overwrite.
    return { node, data: 'formed' };
  }
}

/** The same nodes at the same addresses, and the same phantom for this node. */
function isSameCluster(table: NodeTable, wanted: NodeTable): boolean {
  const members = ({ rows, myself }: NodeTable): string =>
    [
      ...rows.map((row) => (isPhantom(row.id) ? row.id : `${row.id} ${busAddress(row)}`)),
      `in ${myself.primaryId ?? '-'}`,
    ]
      .toSorted()
      .join('\n');
  return members(table) === members(wanted);
}
