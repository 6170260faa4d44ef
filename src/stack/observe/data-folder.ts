import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { REDIS_GID, REDIS_UID } from '../../plan/model/definitions.ts';
import { isStamped, stampOf } from '../../plan/node/redis-config.ts';
import { setting, wrongFile } from '../../plan/engine/plan-saving.ts';
import { findUnreadableVolume } from '../../plan/engine/other-server.ts';
import { parseFormat } from '../../plan/model/server.ts';
import type { Desired } from '../../plan/scene.ts';
import type { ContainerFile } from '../../plan/model/resources.ts';
import type { NodeSpec, Spec } from '../../spec/spec.ts';

/** Where Redis keeps keys in /data: the files that it reads when it starts. */
interface DataFiles {
  readonly hasDump: boolean;
  /** A folder since Redis 7.0, a file before. */
  readonly hasAppendOnlyFile: boolean;
}

export async function findDataFiles(engine: Engine, container: string): Promise<DataFiles> {
  const isThere = async (path: string): Promise<boolean> => (await engine.statFile(container, path)) !== undefined;
  const [hasDump, hasFolder, hasFile] = await Promise.all([
    isThere('/data/dump.rdb'),
    isThere('/data/appendonlydir'),
    isThere('/data/appendonly.aof'),
  ]);
  return { hasDump, hasAppendOnlyFile: hasFolder || hasFile };
}

/**
 * `yes` or `no`: whether the append-only file beside it is the newest of the data. Both files can be there, one of them
 * stale, and Redis reads the one that its configuration names without a look at the other. It lies with the data, so that
 * it is still there when the container is not.
 */
const APPENDONLY_MARK = '/data/.appendonly';

/**
 * undefined where this program has not marked the folder: it is new, or was made by an earlier version. A mark with its stamp
 * need not be read.
 */
export async function readAppendonlyMark(
  engine: Pick<Engine, 'statFile' | 'readFile'>,
  container: string,
): Promise<boolean | undefined> {
  const file = await engine.statFile(container, APPENDONLY_MARK);
  const stamped = [true, false].find((appendonly) => isStamped(file, markText(appendonly)));
  if (file === undefined || stamped !== undefined) return stamped;
  const text = (await engine.readFile(container, APPENDONLY_MARK))?.trim();
  return text === 'yes' ? true : text === 'no' ? false : undefined;
}

export function appendonlyMark(appendonly: boolean): ContainerFile {
  const content = markText(appendonly);
  const changedAtMs = stampOf(content);
  return { path: APPENDONLY_MARK, content, mode: 0o644, uid: REDIS_UID, gid: REDIS_GID, changedAtMs };
}

function markText(appendonly: boolean): string {
  return appendonly ? 'yes\n' : 'no\n';
}

/** The base of a manifest of Redis 7.0 and later: `file appendonly.aof.2.base.rdb seq 2 type b`. */
const BASE = /^file (?:"([^"]+)"|(\S+)) .*type b$/m;

/** The version of RDB that the file is in which a node would read; undefined where there is none, or it is in no such. */
export async function readFormat(
  engine: Engine,
  { redis }: Pick<Spec, 'redis'>,
  container: string,
): Promise<number | undefined> {
  if (!redis.persistence.appendonly) return formatIn(engine, container, '/data/dump.rdb');
  const manifest = await engine.readFile(container, '/data/appendonlydir/appendonly.aof.manifest');
  if (manifest === undefined) return formatIn(engine, container, '/data/appendonly.aof');
  const [, quoted, plain] = BASE.exec(manifest) ?? [];
  const base = quoted ?? plain;
  return base === undefined ? undefined : formatIn(engine, container, `/data/appendonlydir/${base}`);
}

async function formatIn(engine: Engine, container: string, path: string): Promise<number | undefined> {
  // As it comes, and no more than its beginning: it may be large.
  for await (const chunk of (await engine.openFile(container, path)) ?? [])
    return parseFormat(chunk.toString('latin1'));
  return undefined;
}

/**
 * Whether a node that starts with the wanted configuration reads the file that its keys are in, as far as its folder
 * tells, and whether its server can.
 *
 * @throws StackError DATA_AT_RISK when it would read the other one, or can't read it
 */
export async function requireReadable(
  engine: Engine,
  desired: Desired,
  node: NodeSpec,
  container: string,
): Promise<void> {
  const { spec, wanted } = desired;
  const [format] = await Promise.all([
    readFormat(engine, spec, container),
    requireRightFile(engine, spec, node, container),
  ]);
  const conflict = findUnreadableVolume(wanted, node.name, format);
  if (conflict !== undefined) throw new StackError(conflict.code, conflict);
}

async function requireRightFile(engine: Engine, spec: Spec, node: NodeSpec, container: string): Promise<void> {
  const { appendonly } = spec.redis.persistence;
  const [files, mark] = await Promise.all([findDataFiles(engine, container), readAppendonlyMark(engine, container)]);
  const { hasDump, hasAppendOnlyFile } = files;
  const unread = (why: string): StackError => new StackError('DATA_AT_RISK', wrongFile(appendonly, why));
  if (!hasDump && !hasAppendOnlyFile) return;
  if (mark !== undefined) {
    if (mark !== appendonly) throw unread(`the data of ${node.name} was written with ${setting(mark)}`);
    return;
  }
  if (appendonly && !hasAppendOnlyFile) throw unread(`the keys of ${node.name} are in dump.rdb`);
  if (appendonly || !hasAppendOnlyFile) return;
  throw hasDump ? unknownAge(spec, node, container) : unread(`the keys of ${node.name} are in its append-only file`);
}

/** Both files, of an earlier version of this program: it can't be seen which one is stale. */
function unknownAge(spec: Spec, { name }: NodeSpec, container: string): StackError {
  const { appendonly } = spec.redis.persistence;
  const volume = `docker run --rm --volumes-from ${container} ${spec.redis.image}`;
  return new StackError('DATA_AT_RISK', {
    message: `${name} has an append-only file and a dump.rdb, and Redis would only read dump.rdb with ${setting(appendonly)}`,
    hint: hint`If it ran with ${setting(!appendonly)} last, set that, then: ${run('up')}; if not: ${volume} mv /data/appendonlydir /data/appendonlydir.old`,
  });
}
