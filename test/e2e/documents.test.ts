/** Each command that the README and the documents name, as it is written there, through the program as `npx tsx` loads it. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { AUTHORITY_FILE, CERTIFICATE_FILE } from '../../src/plan/node/redis-config.ts';
import { loadProgram } from '../../src/launch.ts';
import { main as unbundled } from '../../src/cli/core/main.ts';
import { readLog } from '../../src/stack/observe/container-end.ts';
import { startEngineProxy } from '../helpers/engine-proxy.ts';
import { newFaultLine } from '../helpers/fault-line.ts';
import {
  dockerOf,
  dockerSocket,
  freePorts,
  freePortsInARow,
  makeStack,
  ownerLabels,
  removeByLabel,
  runMain,
  type Outcome,
  type TestStack,
} from '../helpers/test-stack.ts';

/** How a command of the documents is run here. */
interface Sample {
  /** In place of the words that the document leaves to its reader. */
  readonly argv?: () => readonly string[];
  readonly env?: () => NodeJS.ProcessEnv;
  readonly before?: () => unknown;
  /** What it says, on either stream. */
  readonly says: RegExp;
  /** It goes on until Ctrl-C, which comes when it has said that. */
  readonly isEndless?: boolean;
}

let stack: TestStack;
let main: typeof unbundled;
beforeAll(async () => {
  stack = await makeStack({ nodeCount: 6 });
  ({ main } = await loadProgram(process.cwd()));
  stack.edit((yaml) => yaml.replaceAll(/ {4}redis-[456]: .*\n/g, (line) => `#${line}`));
});
afterAll(async () => {
  await removeByLabel(stack.engine, `${stack.name}-source`);
  await stack.remove();
});

const toSix = async (): Promise<void> => {
  stack.edit((yaml) => yaml.replaceAll('#    redis-', '    redis-').replace('replicas: 0', 'replicas: 1'));
  await stack.must('up');
};
/** Replicas refuse it, and follow their primaries. */
const withoutKeys = (): Promise<Outcome> => stack.run('cluster', 'call', 'FLUSHALL');
let proxyPort = 0;
/** As many as it listens at, one behind the other. */
async function takePorts(): Promise<void> {
  proxyPort = await freePortsInARow(6);
}
const inFolder = (name: string): string => join(stack.folder, name);
const idOf = async (node: number): Promise<string> => (await stack.redis(node, 'CLUSTER', 'MYID')).trim();
let ghost = '';

const TLS_FILES = 'tls-cert-file /tmp/node.pem\ntls-key-file /tmp/node.pem\ntls-ca-cert-file /tmp/ca.pem\n';

/** Another Redis, of a password of its own, and with the certificate of one of the nodes. */
const source = { password: 'of-the-source', plain: 0, tls: 0 };
const sourcePassword = (): NodeJS.ProcessEnv => ({ REDIS_IMPORT_PASSWORD: source.password });
const passwordFile = (): readonly string[] => ['--password-file', inFolder('source-password')];
const importFrom = (uri: string): readonly string[] => ['cluster', 'import', '--from', uri];
async function startSource(): Promise<void> {
  await withoutKeys();
  [source.plain = 0, source.tls = 0] = await freePorts(2);
  const name = `${stack.name}-source`;
  const conf = `port 6379\ntls-port 6380\ntls-auth-clients no\nrequirepass ${source.password}\n${TLS_FILES}`;
  const published = (port: number) => [{ HostIp: '127.0.0.1', HostPort: String(port) }];
  await dockerOf(stack.engine).createContainer({
    name,
    Image: LOCAL_IMAGE,
    Cmd: ['redis-server', '/tmp/redis.conf'],
    Labels: { [LABELS.stack]: `${stack.name}-source`, ...(await ownerLabels()) },
    HostConfig: { PortBindings: { '6379/tcp': published(source.plain), '6380/tcp': published(source.tls) } },
    ExposedPorts: { '6379/tcp': {}, '6380/tcp': {} },
  });
  const files = [CERTIFICATE_FILE, AUTHORITY_FILE];
  const [certificate = '', authority = ''] = await Promise.all(
    files.map(async (path) => (await stack.engine.readFile(stack.container(1), path)) ?? ''),
  );
  const written = { 'redis.conf': conf, 'node.pem': certificate, 'ca.pem': authority };
  await stack.engine.writeFiles(
    name,
    Object.entries(written).map(([file, content]) => ({
      path: `/tmp/${file}`,
      mode: 0o644,
      uid: 999,
      gid: 999,
      content,
    })),
  );
  await stack.engine.startContainer(name);
  await expect.poll(() => readLog(stack.engine, name, 50), { timeout: 20_000 }).toContain('Ready to accept');
  writeFileSync(inFolder('ca.pem'), authority);
  writeFileSync(inFolder('source-password'), source.password, { mode: 0o600 });
}

/** In the order in which one stack can go through them. */
const SAMPLES: Readonly<Record<string, Sample>> = {
  'secrets init': { says: /a new password is in/ },
  up: { says: /is up/ },
  'up --watch': { says: /keeps .* up/, isEndless: true },
  'REDIS_CLUSTER_OWNER_PID=$$ up': { says: /nothing to do/ },
  status: { says: /cluster/ },
  doctor: { says: /✓/ },
  plan: { says: /Nothing to do/ },
  'logs [node] --follow': { argv: () => ['logs', 'redis-1', '--follow'], says: /Ready to accept/, isEndless: true },
  'redis-cli [node] [GET user:1000]': {
    argv: () => ['redis-cli', 'redis-1', 'GET', 'user:1000'],
    says: /^\s*$/,
  },
  // A prompt, where there is a terminal; without one it reads its commands from the input, which is empty.
  'redis-cli': { says: /^\s*$/ },
  'redis-cli redis-2 INFO memory': { says: /used_memory:/ },
  'redis-cli -n 0 GET user:1000': { says: /^\s*$/ },
  'redis-cli redis-1 -- -h redis-2 PING': { says: /PONG/ },
  env: { says: /REDIS_CLUSTER_NODES/ },
  'env --map': { says: /REDIS_NAT_MAP/ },
  proxy: { argv: () => ['proxy', '--port', String(proxyPort)], before: takePorts, says: /Connect: /, isEndless: true },
  'proxy --port 7000': { argv: () => ['proxy', '--port', String(proxyPort)], says: /Connect: /, isEndless: true },
  serve: { argv: () => ['serve', '--port', '0'], says: /metrics/, isEndless: true },
  'serve --port 0 --json': { says: /"url":"http/, isEndless: true },
  'serve --host 0.0.0.0 --token-file serve.token': {
    before: () => writeFileSync(inFolder('serve.token'), 'a'.repeat(40), { mode: 0o600 }),
    // On all addresses somebody might see it.
    argv: () => ['serve', '--host', '127.0.0.1', '--port', '0', '--token-file', inFolder('serve.token')],
    says: /metrics/,
    isEndless: true,
  },
  certs: { says: /redis-1/ },
  'access names': { says: /redis-1/ },
  // It would be this machine's own hosts file.
  'access names --install': { argv: () => ['access', 'names', '--install', '--help'], says: /--remove/ },
  'access names --remove': { says: /nothing to do/ },
  'secrets rotate': { says: /3 nodes have a new password/ },
  'cluster check': { says: /✓/ },
  'cluster fix': { says: /✓/ },
  'cluster wait [--timeout SECONDS]': { argv: () => ['cluster', 'wait', '--timeout', '60'], says: /✓/ },
  'cluster nodes': { says: /redis-3/ },
  'cluster info': { says: /STATE +ASSIGNED/ },
  'cluster slots': { says: /16383/ },
  'cluster keyslot KEY…': { argv: () => ['cluster', 'keyslot', 'user:1000', '{a}b'], says: /1649/ },
  'cluster call COMMAND…': { argv: () => ['cluster', 'call', 'DBSIZE'], says: /redis-3/ },
  'cluster call INFO cpu': { says: /used_cpu_user/ },
  'cluster reshard --from redis-1 --to redis-3 --slots 1000': { says: /1000 of 1000 slots/ },
  'cluster reshard --from redis-1,redis-2 --to redis-3 --slots 1000': { says: /1000 of 1000 slots/ },
  'cluster rebalance [--weight redis-1=2,redis-3=0] [--threshold 2] [--use-empty-primaries]': {
    argv: () => words('cluster rebalance --weight redis-1=2,redis-3=0 --threshold 2 --use-empty-primaries'),
    says: /slots/,
  },
  'cluster rebalance': {
    before: () => stack.must('cluster', 'rebalance', '--use-empty-primaries'),
    says: /nothing|balanced/i,
  },
  'cluster add-node redis-4': { says: /move slots .*→ redis-4/ },
  'cluster remove-node redis-4': { says: /remove node redis-4/ },
  'cluster backup DIR': { argv: () => ['cluster', 'backup', inFolder('backup')], says: /backup/ },
  'cluster backup backups/monday': { argv: () => ['cluster', 'backup', inFolder('monday')], says: /monday/ },
  'cluster restore backups/monday': {
    before: withoutKeys,
    argv: () => ['cluster', 'restore', inFolder('monday')],
    says: /monday/,
  },
  'cluster restore DIR [--replace]': {
    argv: () => ['cluster', 'restore', inFolder('backup'), '--replace'],
    says: /backup/,
  },
  'cluster import --from redis://127.0.0.1:6379/0': {
    before: startSource,
    argv: () => importFrom(`redis://127.0.0.1:${source.plain}/0`),
    env: sourcePassword,
    says: /keys/,
  },
  'cluster import --from redis://host:6379/0 [--password-file FILE]': {
    argv: () => [...importFrom(`redis://127.0.0.1:${source.plain}/0`), ...passwordFile()],
    says: /keys/,
  },
  'cluster import --from redis://10.0.0.5:6379 --password-file source-password': {
    argv: () => [...importFrom(`redis://127.0.0.1:${source.plain}`), ...passwordFile()],
    says: /keys/,
  },
  'REDIS_IMPORT_PASSWORD=… cluster import --from rediss://reader@db.example:6380 --ca ca.pem': {
    argv: () => [...importFrom(`rediss://default@127.0.0.1:${source.tls}`), '--ca', inFolder('ca.pem')],
    env: sourcePassword,
    says: /keys/,
  },
  'restart [node…]': { argv: () => ['restart', 'redis-1'], says: /restart container/ },
  down: { says: /is down/ },
  'down --volumes': {
    before: () => stack.must('up'),
    argv: () => ['down', '--volumes', '--yes'],
    says: /remove volume/,
  },
  'cluster replicate redis-4 --of redis-2': { before: toSix, says: /redis-4/ },
  'cluster failover redis-4': {
    before: () => stack.must('cluster', 'replicate', 'redis-4', '--of', 'redis-1'),
    says: /redis-4/,
  },
  'cluster failover redis-4 [--force|--takeover]': {
    argv: () => ['cluster', 'failover', 'redis-1', '--takeover'],
    says: /redis-1/,
  },
  'cluster reset redis-2 [--hard]': {
    // A primary is not reset; its replica may be.
    argv: () => ['cluster', 'reset', 'redis-4', '--hard'],
    says: /redis-4/,
  },
  'cluster meet redis-2': { argv: () => ['cluster', 'meet', 'redis-4'], says: /redis-4/ },
  'cluster forget ID': {
    // Whoever gets a new id leaves its old one with the others.
    before: async () => {
      ghost = await idOf(4);
      await stack.redis(4, 'CLUSTER', 'RESET', 'HARD');
    },
    argv: () => ['cluster', 'forget', ghost],
    says: /forg/,
  },
  'cluster reset --all': {
    before: withoutKeys,
    argv: () => ['cluster', 'reset', '--all', '--yes'],
    says: /no longer|alone|✓/,
  },
  'cluster create [--replicas 1]': { argv: () => ['cluster', 'create', '--replicas', '1'], says: /✓/ },
  'image build': { says: /is on the engine/ },
};

function words(command: string): string[] {
  return command.split(' ').filter((word) => !/^[A-Z_]+=/.test(word));
}

/** Fenced lines, and code in a sentence; of the table in docs/operations.md, what stands without the program's name. */
function documented(): string[] {
  const names = readdirSync('docs').filter((name) => name.endsWith('.md'));
  const found = ['README.md', ...names.map((name) => `docs/${name}`)].flatMap((file) => {
    const text = readFileSync(file, 'utf8');
    const lines = [...text.matchAll(/^((?:[A-Z_]+=\S+ )?npx tsx manage\.ts .*?)(?: +#.*)?$/gm)];
    const inSentences = [...text.matchAll(/`((?:[A-Z_]+=\S+ )?npx tsx manage\.ts [^`]+)`/g)];
    const inTable = file === 'docs/operations.md' ? [...text.matchAll(/(?<=^\|.*)`(cluster [^`]+)`/gm)] : [];
    return [...lines, ...inSentences, ...inTable].map(([, command = '']) =>
      command.replace('npx tsx manage.ts ', '').replaceAll('\\|', '|'),
    );
  });
  return [...new Set(found)];
}

test('every command of the documents is run here, and none that they do not name', () => {
  expect(documented().toSorted()).toEqual(Object.keys(SAMPLES).toSorted());
  // What `npx tsx manage.ts` runs is not what tests import.
  expect(main).not.toBe(unbundled);
});

test.each(Object.entries(SAMPLES))('%s', async (command, sample) => {
  await sample.before?.();
  const argv = sample.argv?.() ?? words(command);
  const ending = new AbortController();
  const onOutput = (text: string): void => {
    if (sample.isEndless === true && sample.says.test(text)) ending.abort();
  };
  const env = { ...stack.env, ...sample.env?.() };
  const outcome = await underOtherName(command, (host) =>
    runMain(stack.withFile([...argv, ...host]), env, { run: main, signal: ending.signal, onOutput }),
  );
  expect(`${outcome.stdout}${outcome.stderr}`).toMatch(sample.says);
  expect(outcome.exitCode).toBe(0);
});

/** The image that other stacks use at this moment is not replaced: what is built has another tag. */
async function underOtherName(command: string, run: (host: readonly string[]) => Promise<Outcome>): Promise<Outcome> {
  if (command !== 'image build') return run([]);
  const [name = ''] = LOCAL_IMAGE.split(':');
  const socket = inFolder('engine.sock');
  const rewrite = (url: string): string => url.replace('tag=local', `tag=${stack.name}`);
  const proxy = await startEngineProxy(socket, dockerSocket(stack.engine), newFaultLine(), rewrite);
  try {
    const outcome = await run(['--host', `unix://${socket}`]);
    await dockerOf(stack.engine).getImage(`${name}:${stack.name}`).remove();
    return outcome;
  } finally {
    await proxy.close();
  }
}
