import { gte, lt, satisfies, valid } from 'semver';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import type { Spec } from '../../spec/spec.ts';
import type { ServerName } from './resources.ts';

/** What an image runs, or what runs. */
export interface Server {
  readonly name: ServerName;
  /** `7.0.15` */
  readonly version: string;
}

/** As messages call it: `Redis 7.0.15`. */
export function serverText({ name, version }: Server): string {
  return `${name === 'valkey' ? 'Valkey' : 'Redis'} ${version}`;
}

/** What a node that answers runs. */
export function serverOf({ server, redisVersion }: Pick<ReachableView, 'server' | 'redisVersion'>): Server {
  return { name: server.startsWith('Valkey') ? 'valkey' : 'redis', version: redisVersion };
}

/** From which version on a server writes which version of RDB: its files, and what a replica is sent (RDB_VERSION in rdb.h). */
const FORMATS: Readonly<Record<ServerName, readonly (readonly [since: string, format: number])[]>> = {
  redis: [
    ['6.2.0', 9],
    ['7.0.0', 10],
    ['7.2.0', 11],
    ['7.4.0', 12],
    ['8.6.0', 13],
    ['8.8.0', 14],
    ['8.10.0', 15],
  ],
  valkey: [
    ['7.2.0', 11],
    ['9.0.0', 80],
  ],
};
/** Servers from these on are not known. */
const UNKNOWN: Readonly<Record<ServerName, string>> = { redis: '8.11.0', valkey: '9.2.0' };
/** Up to there both count alike; from the second on numbers are Valkey's. Neither reads what is the other's alone. */
const FIRST_OF_REDIS = 12;
const FIRST_OF_VALKEY = 80;

/** The version of RDB that it writes, the newest that it reads; undefined of a server that isn't known. */
export function formatOf({ name, version }: Server): number | undefined {
  if (valid(version) === null || gte(version, UNKNOWN[name])) return undefined;
  return FORMATS[name].findLast(([since]) => gte(version, since))?.[1];
}

/** From the first bytes of a file: `REDIS0010`, `VALKEY080`. */
export function parseFormat(head: string): number | undefined {
  const digits = /^(?:REDIS|VALKEY)(\d+)/.exec(head)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Whether a server begins with data of that version of RDB; of one that isn't known, it is believed. */
export function canRead(server: Server, format: number): boolean {
  const isForeign =
    server.name === 'redis' ? format >= FIRST_OF_VALKEY : format >= FIRST_OF_REDIS && format < FIRST_OF_VALKEY;
  return !isForeign && format <= (formatOf(server) ?? Infinity);
}

/** Valkey 9 reads what Redis 7.4 and later has written where it is told to try, and where no value is of Redis' newer types. */
export function triesForeign({ name, version }: Server): boolean {
  return name === 'valkey' && valid(version) !== null && gte(version, '9.0.0');
}

/** What a server said of itself when it was asked by `asking`. */
export interface Answer extends Server {
  /** How it is called in its image: Valkey may go by Redis' name. */
  readonly program: ServerName;
  readonly hasTls: boolean;
}

/** Asks for its version, and whether it knows TLS: of two settings one is nobody's, so that it ends whatever it knows. */
export function asking(first: ServerName): string {
  const names = first === 'valkey' ? 'valkey redis' : 'redis valkey';
  const steps = [
    'command -v "$name-server" >/dev/null || continue',
    'echo "program $name"',
    '"$name-server" --version',
    '"$name-server" --tls-port 0 --no-such-setting 0',
    'exit 0',
  ];
  return `for name in ${names}; do ${steps.join('; ')}; done 2>&1; echo ${NO_SERVER}`;
}

export const NO_SERVER = 'neither redis-server nor valkey-server';

/** undefined where it is no answer of such a server. */
export function parseAnswer(output: string): Answer | undefined {
  const program = /^program (redis|valkey)$/m.exec(output)?.[1];
  const [, name = '', version = ''] = /^(Redis|Valkey) server v=(\d+\.\d+\.\d+)/m.exec(output) ?? [];
  if (version === '') return undefined;
  return {
    program: program === 'valkey' ? 'valkey' : 'redis',
    name: name === 'Valkey' ? 'valkey' : 'redis',
    version,
    hasTls: !output.includes(">>> 'tls-port"),
  };
}

/** Why a server can't run a stack; undefined where it can. */
export function shortcoming(
  { hasTls, ...server }: Answer,
  { tls, access }: Pick<Spec, 'access'> & { readonly tls: Pick<Spec['tls'], 'enabled' | 'cluster'> },
): string | undefined {
  if (isOlder(server, '6.2.0')) return 'the oldest that works here is Redis 6.2';
  if (tls.enabled && !hasTls) return 'it was built without TLS, which the YAML file asks for';
  if (access === 'names' && isOlder(server, '7.0.0'))
    return 'before Redis 7.0 a node can announce no name; access: map in the YAML file, or proxy, needs none';
  return tls.cluster && isOlder(server, '7.0.0')
    ? 'before Redis 7.0 an encrypted bus is at another port; tls.cluster: false in the YAML file leaves it plain'
    : undefined;
}

function isOlder({ name, version }: Server, than: string): boolean {
  return name === 'redis' && lt(version, than);
}

/** In which each minor version learnt it, and then all later ones (redis/redis#15722). */
const REFUSING_PLAIN_BUS = '~8.2.10 || ~8.4.7 || ~8.6.7 || ~8.8.3 || >=8.10.2';

/** It doesn't start with a bus on which nobody has to authenticate, or soon won't, unless `cluster-bus-port-protected-mode` is off. */
export function refusesPlainBus({ name, version }: Server): boolean {
  return name === 'redis' && satisfies(version, REFUSING_PLAIN_BUS);
}
