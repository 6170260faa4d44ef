import { ofToday } from '../../spec/redis-conf.ts';

/** The two files of a node's configuration: this program's own, and the user's that it includes. */
export interface ConfigText {
  readonly redisConf: string;
  readonly userConf: string;
}

/** A directive whose value is to be another one. `value` is undefined where it left the file. */
interface ChangedSetting {
  readonly name: string;
  readonly value: string | undefined;
  /** Redis can be told while it runs, and says afterwards what it has; else it has to start with its new files. */
  readonly isLive: boolean;
}

/** What differs between the files that a node has and those that it should have. Comments say nothing. */
export function findChangedSettings(present: ConfigText, wanted: ConfigText): ChangedSetting[] {
  const managed = directives(wanted.redisConf);
  const [before, after] = [directives(present.redisConf), managed];
  // A CONFIG REWRITE by hand writes lines of its own; the file is written anew, and the server left as it is.
  const isOwn = (name: string): boolean => managed.has(name) || OWN.test(name);
  return [
    ...changed(before, after).filter(({ name }) => isOwn(name)),
    ...changed(directives(present.userConf), directives(wanted.userConf)),
  ].map(({ name, from, to }) => ({ name, value: to?.map(unquoted).join(' '), isLive: isLive(name, from, to) }));
}

/** In what a running server differs from its files: somebody told it so. Only what can be compared without doubt. */
export function findLiveDrift(wanted: ConfigText, live: ReadonlyMap<string, string>): ChangedSetting[] {
  const all = new Map([...directives(wanted.userConf), ...directives(wanted.redisConf)]);
  return [...all].flatMap(([name, values]): ChangedSetting[] => {
    const [value, ...more] = values;
    const is = live.get(name);
    if (value === undefined || more.length > 0 || is === undefined) return [];
    if (!canBeTold(name) || !isWord(value) || isSameValue(is, value)) return [];
    return [{ name, value: unquoted(value), isLive: true }];
  });
}

/** Names → the values of each line, in order. */
export function directives(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const line of text.split(/\r?\n/)) {
    const [, name, value = ''] = /^\s*([^#\s]\S*)\s*(.*?)\s*$/.exec(line) ?? [];
    if (name === undefined) continue;
    const known = ofToday(name.toLowerCase());
    found.set(known, [...(found.get(known) ?? []), value]);
  }
  return found;
}

/** Changed settings that the server has never heard of: with such a line it would not start. */
export function findUnknown(changes: readonly ChangedSetting[], live: ReadonlyMap<string, string>): string[] {
  return changes.filter((change) => change.isLive && !live.has(change.name)).map(({ name }) => name);
}

interface Change {
  readonly name: string;
  readonly from: readonly string[] | undefined;
  readonly to: readonly string[] | undefined;
}

function changed(before: ReadonlyMap<string, string[]>, after: ReadonlyMap<string, string[]>): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])]
    .map((name): Change => ({ name, from: before.get(name), to: after.get(name) }))
    .filter(({ from, to }) => !areSameValues(from, to));
}

/** One word, or one in quotes: nothing that the file and CONFIG SET would read in two ways. */
function isWord(value: string): boolean {
  return /^[^\s"'\\]+$|^"[^"\\]*"$|^'[^'\\]*'$/.test(value);
}

function areSameValues(from: readonly string[] | undefined, to: readonly string[] | undefined): boolean {
  if (from === undefined || to === undefined) return from === to;
  return from.length === to.length && from.every((value, index) => isSameValue(unquoted(value), to[index] ?? ''));
}

function isLive(name: string, from: readonly string[] | undefined, to: readonly string[] | undefined): boolean {
  const [value, ...more] = to ?? [];
  const isOneWord = value !== undefined && more.length === 0 && (from?.length ?? 1) === 1 && isWord(value);
  return isOneWord && canBeTold(name) && !TOGETHER.test(name);
}

/** Written by this program where the YAML file asks for it. */
const OWN = /^(tls-.*|cluster-port|cluster-announce-hostname|cluster-preferred-endpoint-type)$/;

/**
 * Changed together with something that only a new container brings: its address, its certificates, the file in which
 * its keys are.
 */
const TOGETHER =
  /^(tls-.*|cluster-announce-.*|cluster-preferred-endpoint-type|cluster-port|port|dir|appendonly|include|aclfile)$/;

/** Redis gives these back in another form than they were set in, or within bounds of its own. */
const REFORMED = new Set([
  'hz',
  'maxclients',
  'oom-score-adj',
  'repl-backlog-size',
  'shutdown-on-sigint',
  'shutdown-on-sigterm',
  'save',
  'client-output-buffer-limit',
  'notify-keyspace-events',
  'oom-score-adj-values',
  'latency-tracking-info-percentiles',
  'bind',
  'bind-source-addr',
  'include',
  'aclfile',
  'loadmodule',
  'rename-command',
  'dir',
  'port',
  'cluster-config-file',
  'masterauth',
  'requirepass',
]);

/** A running server takes it, and says afterwards what it has. */
function canBeTold(name: string): boolean {
  return !REFORMED.has(name) && !IMMUTABLE.has(name) && !name.startsWith('tls-');
}

/** IMMUTABLE_CONFIG in Redis's config.c, 6.2 to 8. */
const IMMUTABLE = new Set([
  'rdbchecksum',
  'daemonize',
  'always-show-logo',
  'cluster-enabled',
  'cluster-port',
  'disable-thp',
  'appendfilename',
  'appenddirname',
  'unixsocket',
  'unixsocketperm',
  'pidfile',
  'logfile',
  'syslog-enabled',
  'syslog-ident',
  'syslog-facility',
  'supervised',
  'io-threads',
  'io-threads-do-reads',
  'databases',
  'tcp-backlog',
  'server-cpulist',
  'server_cpulist',
  'bio-cpulist',
  'bio_cpulist',
  'aof-rewrite-cpulist',
  'aof_rewrite_cpulist',
  'bgsave-cpulist',
  'bgsave_cpulist',
  'enable-protected-configs',
  'enable-debug-command',
  'enable-module-command',
  'set-proc-title',
  'socket-mark-id',
  'lua-enable-deprecated-api',
]);

function isSameValue(is: string, wanted: string): boolean {
  const [one, other] = [is.toLowerCase(), unquoted(wanted).toLowerCase()];
  return one === other || (inBytes(one) ?? one) === (inBytes(other) ?? other);
}

function unquoted(value: string): string {
  return /^"[^"\\]*"$|^'[^'\\]*'$/.test(value) ? value.slice(1, -1) : value;
}

/** redis.conf's units. */
const UNITS = { '': 1, b: 1, k: 1e3, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3 };

function inBytes(value: string): number | undefined {
  const [, digits, unit = ''] = /^(-?\d+)([kmg]?b?)$/.exec(value) ?? [];
  return digits === undefined
    ? undefined
    : Number(digits) * (Object.entries(UNITS).find(([name]) => name === unit)?.[1] ?? 1);
}
