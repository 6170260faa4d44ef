import { hint, run, type Hint } from '../../hint.ts';

/** What Redis's own last words mean. */
export interface LogSign {
  /** Only where the program itself does something about it. */
  readonly kind: 'node table' | 'other server' | undefined;
  readonly text: string;
  readonly mend: Hint;
  /** It ended the process, or will at the next start; otherwise it is only worth knowing. */
  readonly isFatal: boolean;
}

/** What a mend needs to name. */
export interface LogPlace {
  readonly container: string;
  readonly node: string;
  readonly image: string;
  /** The container of another node, which knows what this one's node table held. */
  readonly neighbour: string | undefined;
}

interface Sign {
  readonly kind?: 'node table' | 'other server';
  readonly pattern: RegExp;
  readonly text: string;
  readonly mend: (place: LogPlace) => Hint;
  readonly isFatal?: false;
  /** What else is said follows from it: nothing else is to be mended. */
  readonly isCause?: true;
}

/** A container of nobody's that has the node's volumes: the node itself need not run, and must not. */
function beside({ container, image }: LogPlace, command: string): string {
  return `docker run --rm -it --volumes-from ${container} ${image} ${command}`;
}

/** The sentences are those of Redis 6.2 to 8 (src/server.c, cluster_legacy.c, aof.c, rdb.c, config.c). */
const SIGNS: readonly Sign[] = [
  {
    kind: 'node table',
    pattern: /corrupted cluster config file|Unrecoverable error: corrupted/i,
    text: 'its node table /data/nodes.conf is damaged, and Redis does not start with it',
    mend: damagedTableMend,
  },
  {
    pattern: /Sorry, the cluster configuration file .* is already used/i,
    text: 'another process uses its data folder',
    mend: ({ container }) =>
      hint`docker ps --filter volume=${container}-data   # stop the other one, then: ${run('up')}`,
  },
  {
    pattern:
      /Bad file format reading the append only file|Unexpected end of file reading the append only file|AOF .* is corrupted|Error reading the (append only|AOF)|Invalid AOF manifest|AOF manifest file/i,
    text: 'its append-only file is damaged or cut off, and Redis does not start with it',
    mend: (place) =>
      hint`${beside(place, CUT_APPENDONLY_FILE)}   # keeps a copy, and asks before it cuts off what can't be read. Then: ${run('up')}`,
  },
  {
    pattern: /Checking RDB file \S+\.base\.rdb/i,
    text: 'the base of its append-only file is damaged, and Redis does not start with it',
    mend: (place) =>
      hint`${beside(place, 'mv /data/appendonlydir /data/appendonlydir.damaged')}   # then: ${run('up')}; its keys come from a replica, or: ${run('cluster restore FOLDER')}`,
  },
  {
    kind: 'other server',
    pattern: /Can't handle RDB format version|RDB format version .* (unknown|not supported)/i,
    text: 'its data was written by a newer Redis than the image has, or by another server',
    mend: () => hint`Set redis.image in the YAML file back to what it was, then: ${run('up')}   # every key is there`,
    // Redis goes on to call the append-only file damaged, and what mends that would cut all of it off.
    isCause: true,
  },
  {
    // Valkey 9 begins its files with its own name: others take that for no file of keys at all.
    kind: 'other server',
    pattern: /Bad file format reading the append only file \S+\.base\.rdb|Wrong signature trying to load DB/i,
    text: 'its data was written by another server than the image has, or is damaged from the first byte on',
    mend: (place) =>
      hint`Set redis.image in the YAML file back, if it was another one, then: ${run('up')}; if not: ${beside(place, WHOSE).replace(' -it ', ' ')}   # REDIS or VALKEY says whose they are, anything else that they are damaged`,
    isCause: true,
  },
  {
    pattern: /Short read or OOM loading DB|Internal error in RDB reading|Fatal error loading the DB/i,
    text: 'its dump.rdb is damaged, and Redis does not start with it',
    mend: (place) =>
      `${beside(place, `sh -c '${checker('rdb')} /data/dump.rdb'`)}   # and cluster restore from a backup`,
  },
  {
    pattern: /No space left on device/i,
    text: 'its disk is full: a file could not be written',
    mend: () => hint`docker system df   # make room on the disk of the volume, then: ${run('up')}`,
  },
  {
    pattern: /Read-only file system/i,
    text: 'its data folder can only be read',
    mend: ({ container }) =>
      hint`docker inspect -f '{{json .Mounts}}' ${container}   # make the volume writable, then: ${run('up')}`,
  },
  {
    pattern: /Permission denied/i,
    text: 'it may not write its files: they belong to another user',
    mend: (place) =>
      hint`${beside({ ...place }, 'chown -R 999 /data').replace(' -it ', ' --user 0 ')}   # then: ${run('up')}`,
  },
  {
    pattern: /Out Of Memory allocating|Can't (save|rewrite) in background: fork: Cannot allocate memory/i,
    text: 'it had no memory left',
    mend: () => hint`Set redis.memory higher in the YAML file, or redis.maxmemory lower, then: ${run('up')}`,
  },
  {
    pattern: /FATAL CONFIG FILE ERROR|Bad directive or wrong number of arguments/i,
    text: 'Redis does not accept a line of its configuration',
    mend: ({ node }) => hint`${run(`logs ${node} --tail 20`)}   # names the line; correct it, then: ${run('up')}`,
  },
  {
    pattern: /short read while loading the AOF|AOF loaded anyway because aof-load-truncated/i,
    text: 'its append-only file ended in the middle of a write: it began with all that came before, and this last write is lost',
    mend: ({ node }) => hint`${run(`logs ${node}`)}   # says how much; a replica, or a backup, may still have it`,
    isFatal: false,
  },
];

/** `up` rebuilds it from what a node that answers knows. */
export function damagedTableMend({ neighbour }: Pick<LogPlace, 'neighbour'>): Hint {
  return neighbour === undefined
    ? hint`${run('up')}   # another node has to run: its table tells what this one held`
    : hint`${run('up')}   # rebuilds it from what the other nodes know, and keeps the damaged one beside it`;
}

/** Where nobody knows what stood in it. What Redis would claim without one, others may own. */
export function unknownTableMend({ node }: Pick<LogPlace, 'node'>): Hint {
  return hint`${run('doctor')}   # which other nodes don't answer: with one of them, up rebuilds the table of ${node}`;
}

const WHOSE = `sh -c 'head -c 9 /data/dump.rdb /data/appendonlydir/*.base.rdb'`;

/** redis-check-aof and redis-check-rdb are the server under other names, and not every image has those names. */
function checker(kind: 'aof' | 'rdb'): string {
  const name = `/tmp/redis-check-${kind}`;
  return `ln -s "$(command -v redis-server || command -v valkey-server)" ${name} && ${name}`;
}

const CUT_APPENDONLY_FILE = `sh -c 'cp -a /data/appendonlydir /data/appendonlydir.damaged && ${checker('aof')} --fix /data/appendonlydir/appendonly.aof.manifest'`;

/** Every process says one of these first. What an earlier one said is no news. */
const BEGINNING = /Redis is starting|Valkey is starting|FATAL CONFIG FILE ERROR/;

/**
 * What the log says since the process began that wrote last; the gravest first.
 *
 * @param starts more than one to look at those before it, too, where nothing ended it: it may not have come to the point yet
 */
export function readLogSigns(log: string, place: LogPlace, starts = 1): LogSign[] {
  const signs = signsIn(linesOfLast(log, 1), place);
  return signs.some(({ isFatal }) => isFatal) || starts === 1 ? signs : signsIn(linesOfLast(log, starts), place);
}

function signsIn(lines: readonly string[], place: LogPlace): LogSign[] {
  const found = SIGNS.filter(({ pattern }) => lines.some((line) => pattern.test(line)));
  const cause = found.find(({ isCause }) => isCause);
  return (cause === undefined ? found : [cause]).map(({ kind, text, mend, isFatal = true }) => {
    return { kind, text, mend: mend(place), isFatal };
  });
}

/**
 * Slots of other nodes of which a node has read keys from its files, as it began: `verifyClusterConfigWithData` of Redis
 * (cluster.c) says so of each, and opens it. It says nothing of a slot that was being moved to it already.
 */
export function readOutdatedSlots(log: string): Set<number> {
  const matches = linesOfLast(log, 1).map((line) => /I have keys for slot (\d+), but the slot is assigned/.exec(line));
  return new Set(matches.flatMap((match) => (match === null ? [] : [Number(match[1])])));
}

/** Whether it has said all that it says as it begins, and be it so long ago that none of it is left. */
export function isStartOver(log: string): boolean {
  const isLongOver = log.trim() !== '' && !BEGINNING.test(log);
  return isLongOver || linesOfLast(log, 1).some((line) => line.includes('Ready to accept connections'));
}

/** Redis's last word on a write to its disk that failed, and what it means where that is known. */
export function lastWriteFailure(log: string, place: LogPlace): Partial<Pick<LogSign, 'text' | 'mend'>> {
  const line = linesOfLast(log, 1).findLast((one) => /(fail|error|can't).*(RDB|DB|AOF|append|background:)/i.test(one));
  if (line === undefined) return {};
  const text = lastWords(line);
  const [sign] = signsIn([line], place);
  return sign === undefined ? { text } : { text: `${sign.text} (${text})`, mend: sign.mend };
}

/** The last line that says something; for what no sign is known for. */
export function lastWords(log: string): string {
  const line = linesOfLast(log, 1).findLast((one) => /[a-z]/i.test(one)) ?? '';
  // `1:M 22 Nov 2026 20:15:25.123 * text`
  return line.replace(/^\d+:[A-Z] .*? [.*#-] /, '');
}

function linesOfLast(log: string, starts: number): string[] {
  const lines = log.split('\n').map((line) => line.trim());
  const beginnings = lines.flatMap((line, index) => (BEGINNING.test(line) ? [index] : []));
  return lines.slice(beginnings.at(-starts) ?? 0);
}
