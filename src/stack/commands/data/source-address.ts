import { StackError } from '../../../errors.ts';
import { hint, run, type Hint } from '../../../hint.ts';
import { Secret } from '../../../secret.ts';

/** Where keys are imported from. */
export interface SourceAddress {
  readonly host: string;
  readonly port: number;
  readonly isTls: boolean;
  /** undefined for the user `default`. */
  readonly user: string | undefined;
  /** undefined where the address has none. */
  readonly password: Secret | undefined;
  readonly database: number;
}

const EXAMPLE = run('cluster import --from redis://127.0.0.1:6379/0');
const DEFAULT_PORT = 6379;

/**
 * Reads `redis://[[user]:password@]host[:port][/database]`; `rediss` for TLS.
 *
 * @throws StackError USAGE that never shows the text: a password may stand in it
 */
export function parseSourceAddress(text: string): SourceAddress {
  // An address has its last @ before all of these.
  if (/^\w+:\/\/.*[/?#].*@/s.test(text)) throw unencoded();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'redis:' && url.protocol !== 'rediss:')) {
    throw wrong('it must begin with redis:// or rediss://, and name a host');
  }
  if (url.hostname === '') throw wrong('it names no host');
  if (url.search !== '' || url.hash !== '') throw wrong('nothing may stand behind the database');
  const database = /^\/?(\d{1,9})?$/.exec(url.pathname);
  if (database === null) throw wrong('the database must be a number, like /0');
  const [user, password] = [decoded(url.username), decoded(url.password)];
  return {
    // An IPv6 address stands in brackets there.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: url.port === '' ? DEFAULT_PORT : Number(url.port),
    isTls: url.protocol === 'rediss:',
    user: user === '' ? undefined : user,
    password: password === '' ? undefined : new Secret(password),
    database: Number(database[1] ?? 0),
  };
}

/** As messages call it. */
export function showSource({ host, port, database }: SourceAddress): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}${database === 0 ? '' : `/${database}`}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw unencoded();
  }
}

function unencoded(): StackError {
  const signs = ['%', '/', '?', '#', '@', ':'].map((sign) => `${sign} as ${encodeURIComponent(sign)}`).join(', ');
  const without = run('cluster import --from redis://127.0.0.1:6379/0 --password-file FILE');
  return wrong(`in its user and password, write ${signs}`, hint`${without}   # in a file it is as it is`);
}

function wrong(why: string, next: Hint = EXAMPLE): StackError {
  return new StackError('USAGE', { message: `the address behind --from can't be used: ${why}`, hint: next });
}
