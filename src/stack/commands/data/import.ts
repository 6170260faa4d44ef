import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { parseInfo } from '../../../cluster/nodes/view.ts';
import { errorMessage, StackError } from '../../../errors.ts';
import { run } from '../../../hint.ts';
import { readPrivateFile } from '../../../kept-files.ts';
import type { Copied } from '../../../redis/keys/copy-keys.ts';
import { NodeLink, type RedisCommand } from '../../../redis/node-link.ts';
import { Refusal } from '../../../redis/connect-node.ts';
import type { KeySource } from '../../../redis/keys/read-keys.ts';
import { Secret } from '../../../secret.ts';
import { keyCopier } from './copy-progress.ts';
import { withNodes, type Nodes } from '../../connect/with-nodes.ts';
import type { Session } from '../../session/session.ts';
import { showSource, type SourceAddress } from './source-address.ts';
import { requireWhole } from '../cluster/whole-cluster.ts';

/** Where the source's password may stand, as it should not stand in a command line. */
const PASSWORD_VARIABLE = 'REDIS_IMPORT_PASSWORD';

interface ImportOptions {
  readonly address: SourceAddress;
  readonly passwordFile: string | undefined;
  /** PEM of the authority that the source's certificate is from; by default those that Node.js trusts. */
  readonly caFile: string | undefined;
  readonly replace: boolean;
}

export interface ImportResult extends Copied {
  /** `host:port`, with the database where it isn't 0. */
  readonly source: string;
  /** The source is a node of a cluster: other nodes of it hold other keys. */
  readonly isClusterNode: boolean;
}

/**
 * Copies every key of another Redis into the cluster. The source is only read, and goes on serving: what is written
 * there meanwhile may be in the copy or not.
 *
 * @throws StackError USAGE, SOURCE_UNREACHABLE, AUTH_FAILED before anything is changed; see `copyKeys` for later
 */
export async function importKeys(session: Session, options: ImportOptions): Promise<ImportResult> {
  const { address } = options;
  const link = await linkSource(session, address, options);
  const copy = async (own: Nodes): Promise<ImportResult> => {
    const { all: links } = own.patient(session.timeoutMs);
    const { source, isClusterNode, runId } = await probe(address, link);
    await requireWhole(session, links, 'take keys');
    await requireOther(runId, links, address);
    const copied = await keyCopier(session, links, options.replace)(source);
    await requireSame(runId, link);
    return { ...copied, source: showSource(address), isClusterNode };
  };
  return withNodes(session, copy).finally(() => link.close());
}

async function linkSource(
  { env, timeoutMs }: Session,
  address: SourceAddress,
  { passwordFile, caFile }: ImportOptions,
): Promise<NodeLink> {
  const { host, port, user, isTls } = address;
  const password = await readPassword(address, passwordFile, env);
  if (caFile !== undefined && !isTls) {
    throw new StackError('USAGE', { message: '--ca is for an address that begins with rediss://', hint: SEE_HELP });
  }
  const tls = isTls ? { caPem: await readAuthority(caFile), client: undefined } : undefined;
  const name = showSource({ ...address, database: 0 });
  return new NodeLink({ name, host, port, tls, user }, [async () => password], timeoutMs);
}

const SEE_HELP = run('cluster import --help');

async function readPassword(
  { password }: SourceAddress,
  file: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Secret> {
  if (password !== undefined && file !== undefined) {
    throw new StackError('USAGE', {
      message: 'there is a password in the address and in --password-file',
      hint: SEE_HELP,
    });
  }
  if (password !== undefined) return password;
  if (file === undefined) return new Secret(env[PASSWORD_VARIABLE] ?? '');
  const text = (await readPrivateFile(file, 'the password file'))?.replace(/\r?\n$/, '');
  if (text !== undefined && text !== '') return new Secret(text);
  throw new StackError('USAGE', {
    message: `the password file ${file} is ${text === undefined ? 'not there' : 'empty'}`,
    hint: SEE_HELP,
  });
}

async function readAuthority(file: string | undefined): Promise<string> {
  if (file === undefined) return rootCertificates.join('\n');
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new StackError('USAGE', { message: `${file} can't be read: ${errorMessage(error)}`, hint: SEE_HELP });
  });
}

interface Probed {
  readonly source: KeySource;
  readonly isClusterNode: boolean;
  /** Another one after each start of the source. */
  readonly runId: string;
}

/** What can be known of the source before a key is read. */
async function probe(address: SourceAddress, link: NodeLink): Promise<Probed> {
  const [info] = await sendToSource(link, [['INFO']]);
  if (info instanceof Refusal) throw refused(link, info.message);
  const fields = parseInfo(String(info));
  const isClusterNode = fields.get('cluster_enabled') === '1';
  const { database } = address;
  // A replica in a cluster sends everybody to its primary otherwise.
  const prelude: RedisCommand[] = [
    ...(isClusterNode ? ([['READONLY']] as const) : []),
    ...(database === 0 ? [] : ([['SELECT', database]] as const)),
  ];
  const replies = await sendToSource(link, [...prelude, ['SCAN', 0, 'COUNT', 1]]);
  const refusal = replies.find((reply) => reply instanceof Refusal);
  if (refusal instanceof Refusal) throw refused(link, refusal.message);
  return { source: { link, prelude, sharesClock: false }, isClusterNode, runId: fields.get('run_id') ?? '' };
}

async function sendToSource(link: NodeLink, commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
  try {
    return await link.sendAll(commands);
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    if (error.code === 'AUTH_FAILED') throw refused(link, 'WRONGPASS');
    throw new StackError('SOURCE_UNREACHABLE', {
      message: `the Redis at ${link.name} can't be read: ${errorMessage(error.cause ?? error)}; nothing was changed`,
      hint: 'Check the host, the port, and whether it needs rediss:// (TLS).',
    });
  }
}

function refused({ name }: NodeLink, reply: string): StackError {
  const isPassword = /^(NOAUTH|WRONGPASS)/.test(reply);
  return new StackError(isPassword ? 'AUTH_FAILED' : 'SOURCE_UNREACHABLE', {
    message: `the Redis at ${name} refused ${isPassword ? 'the password, or asks for one' : `to be read: ${reply}`}; nothing was changed`,
    hint: isPassword
      ? `Give it with --password-file FILE, or in the environment as ${PASSWORD_VARIABLE}.`
      : 'INFO, SELECT, SCAN, DUMP and PTTL are needed there.',
  });
}

/** Every key would be in its own way. */
async function requireOther(runId: string, links: readonly NodeLink[], address: SourceAddress): Promise<void> {
  const runIds = await Promise.all(links.map(readRunId));
  const own = links[runIds.indexOf(runId)];
  if (own === undefined || runId === '') return;
  throw new StackError('USAGE', {
    message: `${showSource(address)} is ${own.name} of this very cluster; nothing was changed`,
    hint: 'Name the Redis whose keys are to be copied into it.',
  });
}

/** A Redis that was restarted in between goes through its keys in another order: some may have been missed. */
async function requireSame(runId: string, link: NodeLink): Promise<void> {
  if ((await readRunId(link)) === runId) return;
  throw new StackError('CHANGED_MEANWHILE', {
    message: `the Redis at ${link.name} was restarted while its keys were copied; what was copied is kept`,
    hint: 'Run the same command again with --replace.',
  });
}

async function readRunId(link: NodeLink): Promise<string> {
  return parseInfo(String(await link.send('INFO', 'server'))).get('run_id') ?? '';
}
