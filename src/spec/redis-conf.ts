import type { Problem } from './parse.ts';

/** Users that are in no file of ours, and stay all the same: see docs/secrets-and-tls.md. */
const USERS_HINT =
  "the users default and health are this program's own; make others with ACL SETUSER and ACL SAVE on every node";

const ACCESS_HINT = 'set access: names in the YAML file, and every node announces its name';

/** Directives that the YAML file or the program itself decides; the value says where to set it instead. */
const MANAGED: Readonly<Record<string, string>> = {
  port: 'the port inside is always 6379; set redis.nodes.<node>.ports for the host',
  bind: 'set redis.bind in the YAML file',
  'protected-mode': 'every client has to authenticate',
  unixsocket: 'containers are reached over TCP',
  dir: 'the data is always in the volume, at /data',
  daemonize: 'a container runs its process in the foreground',
  supervised: 'a container runs its process in the foreground',
  logfile: 'logs go to stdout: `logs` shows them',
  requirepass: 'set secrets in the YAML file',
  masterauth: 'set secrets in the YAML file',
  masteruser: 'set secrets in the YAML file',
  aclfile: USERS_HINT,
  user: USERS_HINT,
  include: 'put the lines into this file instead',
  maxmemory: 'set redis.maxmemory in the YAML file',
  'maxmemory-policy': 'set redis.maxmemoryPolicy in the YAML file',
  appendonly: 'set redis.persistence.appendonly in the YAML file',
  appendfsync: 'set redis.persistence.appendfsync in the YAML file',
  dbfilename: 'another name would start the nodes without their keys',
  appendfilename: 'another name would start the nodes without their keys',
  appenddirname: 'another name would start the nodes without their keys',
  'repl-diskless-sync-delay': 'it is always 0, for a fresh replica to have its copy soon',
  'rename-command': 'renamed commands would lock this program out',
  replicaof: 'set redis.replicas in the YAML file',
  slaveof: 'set redis.replicas in the YAML file',
  'cluster-node-timeout': 'set redis.nodeTimeoutMs in the YAML file',
  'cluster-require-full-coverage': 'set redis.requireFullCoverage in the YAML file',
  'min-replicas-to-write':
    'a primary would refuse writes while its replica restarts; clients wait for a replica with WAIT',
  'cluster-preferred-endpoint-type': ACCESS_HINT,
  'cluster-announce-hostname': ACCESS_HINT,
  'cluster-databases': 'there is database 0: keys of another would stay behind when their slot moves, and be lost',
  'bind-source-addr': 'each node has an address of its own',
};

/** White space and invisible characters but the space and the tab. JavaScript and Redis don't agree on what they are. */
const UNREADABLE = /[^\P{Z} ]|[^\P{Cc}\t]|\p{Cf}/u;

/**
 * The lines of a user's redis.conf that this program decides itself, or that it would read otherwise than Redis does.
 * Other mistakes are for Redis to find.
 */
export function checkRedisConf(text: string): Problem[] {
  return text.split('\n').flatMap((whole, index): Problem[] => {
    const problem = findProblem(whole.replace(/\r$/, ''));
    return problem === undefined ? [] : [{ line: index + 1, ...problem }];
  });
}

function findProblem(line: string): Omit<Problem, 'line'> | undefined {
  // In a comment, too, a NUL or a lone CR makes one line of two.
  const unreadable = (/^[ \t]*#/.test(line) ? /[\0\r]/ : UNREADABLE).exec(line);
  if (unreadable !== null) {
    const code = (unreadable[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const message = `the invisible character U+${code} is neither a space nor a tab`;
    return { column: unreadable.index + 1, message, hint: 'put a space or nothing in its place' };
  }
  const [directive = ''] = line.trim().toLowerCase().split(/\s+/);
  const hint = /["']/.test(directive) ? 'write its name without quotes' : managedHint(ofToday(directive));
  if (hint === undefined) return undefined;
  const column = line.length - line.trimStart().length + 1;
  return { column, message: `'${directive}' can't be set in this file`, hint };
}

/** Redis before 5 had these names, and takes them to this day. */
export function ofToday(name: string): string {
  return name.replace(/(^|-)slave(s?)(-|$)/g, '$1replica$2$3');
}

function managedHint(directive: string): string | undefined {
  if (Object.hasOwn(MANAGED, directive)) return MANAGED[directive];
  if (
    /^(cluster|replica)-announce-/.test(directive) ||
    ['cluster-enabled', 'cluster-port', 'cluster-allow-replica-migration', 'cluster-config-file'].includes(directive)
  ) {
    return 'this program decides how the nodes form the cluster';
  }
  return directive.startsWith('tls-') ? 'set tls in the YAML file' : undefined;
}
