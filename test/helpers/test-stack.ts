import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import Docker from 'dockerode';
import { main } from '../../src/cli/core/main.ts';
import { connectDocker } from '../../src/engine/docker.ts';
import { errorMessage } from '../../src/errors.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { locateEngine } from '../../src/engine/locate.ts';
import { findOwner, OWNER_VARIABLE } from '../../src/host/owner.ts';
import { LABELS } from '../../src/plan/model/names.ts';
import { overlaps, parseBlock } from '../../src/spec/addresses.ts';
import { loadStack } from '../../src/stack/session/load.ts';
import { sessionOf } from '../../src/stack/session/open.ts';
import { whilePassing } from '../../src/stack/reconcile/passing.ts';
import { openSource } from '../../src/stack/session/source.ts';
import type { Session } from '../../src/stack/session/session.ts';
import { PROGRAM } from './hint-text.ts';
import { endProxies } from './processes.ts';
import { requireDescribed } from './json-schemas.ts';

/** What a command line printed, and how it ended. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface StackOptions {
  readonly nodeCount?: number;
  readonly replicas?: number;
  readonly access?: 'map' | 'proxy' | 'names';
  /** More lines under `redis:`. */
  readonly redis?: string;
  /** The text of a redis.conf of the user's own. */
  readonly redisConf?: string;
  /** The sections `secrets` and `tls`, as YAML in one line: `{ plain: false }`. */
  readonly secrets?: string;
  readonly tls?: string;
  /** More of the environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A stack that belongs to one test: its own name, subnet, ports, files and password, beside whatever else runs. */
export interface TestStack {
  readonly name: string;
  readonly folder: string;
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
  readonly engine: Engine;
  /** Two a node: plain, TLS. */
  readonly ports: readonly number[];
  readonly ips: readonly string[];
  readonly subnet: string;
  container(node: number): string;
  /** A command line with this stack's file. */
  withFile(argv: readonly string[]): string[];
  /** Runs a command line in this process, as manage.ts would. */
  run(...argv: string[]): Promise<Outcome>;
  /** Like `run`, and fails the test when the exit code is not 0. */
  must(...argv: string[]): Promise<Outcome>;
  /** redis-cli on a node (from 1), through the program. */
  redis(node: number, ...args: string[]): Promise<string>;
  session(): Promise<Session>;
  /** Writes the YAML file again, with a change. */
  edit(change: (yaml: string) => string): void;
  /** What is on the engine; the files stay. */
  removeResources(): Promise<void>;
  remove(): Promise<void>;
}

const NEVER = new AbortController().signal;
const TIMEOUT_MS = 60_000;

export async function testEngine(): Promise<Engine> {
  const settings = await locateEngine({ env: process.env });
  return connectDocker(settings, { signal: NEVER, timeoutMs: TIMEOUT_MS }, await ownerLabels());
}

/** On all that a test makes: when its process is killed, `down --all-stale` removes what is left. */
export async function ownerLabels(): Promise<Record<string, string>> {
  return { [LABELS.owner]: (await findOwner({ [OWNER_VARIABLE]: String(process.pid) })) ?? '' };
}

/** The engine as dockerode shows it: for what the program itself has no need to see, or to do. */
export function dockerOf(engine: Pick<Engine, 'endpoint'>): Docker {
  return new Docker({ socketPath: dockerSocket(engine) });
}

export function dockerSocket({ endpoint }: Pick<Engine, 'endpoint'>): string {
  return endpoint.address.replace('unix://', '');
}

export async function makeStack({
  nodeCount = 3,
  replicas = 0,
  access = 'map',
  redis = '',
  redisConf,
  secrets = '{}',
  tls = '{}',
  env: moreEnv = {},
}: StackOptions = {}): Promise<TestStack> {
  const engine = await testEngine();
  const name = `t-${randomBytes(4).toString('hex')}`;
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const file = join(folder, 'stack.yaml');
  const owner = { [OWNER_VARIABLE]: String(process.pid) };
  const env = { ...process.env, XDG_STATE_HOME: join(folder, 'state'), NO_COLOR: '1', ...owner, ...moreEnv };
  const ports = await freePorts(nodeCount * 2);
  const prefix = await freeSubnetPrefix(engine);
  const ips = Array.from({ length: nodeCount }, (_, index) => `${prefix}.${index + 11}`);
  const subnet = `${prefix}.0/24`;
  if (redisConf !== undefined) writeFileSync(join(folder, 'redis.conf'), redisConf);
  const nodes = ips.map((ip, index) => {
    const [plain, encrypted] = ports.slice(index * 2);
    return `    redis-${index + 1}: { ip: ${ip}, ports: { plain: ${plain}, tls: ${encrypted} } }\n`;
  });
  let yaml = `name: ${name}
${access === 'map' ? '' : `access: ${access}\n`}network: { name: ${name}-net, subnet: ${subnet} }
secrets: ${secrets}
tls: ${tls}
redis:
  replicas: ${replicas}
  memory: 128mb
  maxmemory: 64mb
${redisConf === undefined ? '' : '  config: redis.conf\n'}${redis}  nodes:
${nodes.join('')}`;
  writeFileSync(file, yaml);

  const run = async (...argv: string[]): Promise<Outcome> => runMain(withFile(argv, file), env);
  const must = async (...argv: string[]): Promise<Outcome> => {
    const outcome = await run(...argv);
    if (outcome.exitCode !== 0)
      throw new Error(`${argv.join(' ')} ended with ${outcome.exitCode}\n${outcome.stdout}${outcome.stderr}`);
    return outcome;
  };
  return {
    name,
    folder,
    file,
    env,
    engine,
    ports,
    ips,
    subnet,
    container: (node) => `${name}-redis-${node}`,
    withFile: (argv) => withFile(argv, file),
    run,
    must,
    redis: async (node, ...args) => (await must('redis-cli', `redis-${node}`, '--', ...args)).stdout.trim(),
    session: async () => {
      const stack = await loadStack(file);
      const surroundings = { env, report: () => undefined, signal: NEVER, timeoutMs: TIMEOUT_MS };
      return sessionOf(stack, openSource(stack, surroundings), engine, surroundings);
    },
    edit: (change) => {
      yaml = change(yaml);
      writeFileSync(file, yaml);
    },
    removeResources: () => removeByLabel(engine, name),
    remove: async () => {
      await removeByLabel(engine, name);
      endProxies(folder);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Everything that carries the stack's label, whatever state a failed test left it in: the engine may still carry out the
 * last calls of a program that was killed.
 */
export async function removeByLabel(engine: Engine, stack: string): Promise<void> {
  const isOurs = ({ labels }: { labels: Readonly<Record<string, string>> }): boolean => labels[LABELS.stack] === stack;
  try {
    await whilePassing({ signal: new AbortController().signal }, async () => {
      const containers = (await engine.listContainers()).filter(isOurs);
      await Promise.all(containers.map(({ name }) => engine.removeContainer(name)));
      const [networks, volumes] = [await engine.listNetworks(), await engine.listVolumes()];
      await Promise.all(volumes.filter(isOurs).map(({ name }) => engine.removeVolume(name)));
      await Promise.all(networks.filter(isOurs).map(({ name }) => engine.removeNetwork(name)));
    });
  } catch (error) {
    // Engine 20.10 has lost count of what is on it: it can't be removed until the engine is restarted, whoever tries.
    if (!errorMessage(error).includes('has active endpoints')) throw error;
    if ((await engine.listContainers()).some(isOurs)) throw error;
    console.warn(`left: ${errorMessage(error)}`);
  }
}

function withFile(argv: readonly string[], file: string): string[] {
  // Behind its first word, all is redis-cli's.
  const separator = argv[0] === 'redis-cli' ? 1 : argv.indexOf('--');
  const own = separator === -1 ? argv : argv.slice(0, separator);
  const rest = separator === -1 ? [] : argv.slice(separator);
  return [...own, '-f', file, ...rest];
}

export interface RunOptions {
  readonly signal?: AbortSignal;
  readonly run?: typeof main;
  /** Told all that one of the two streams has got so far. */
  readonly onOutput?: (text: string) => void;
}

/** Runs a command line in this process, as manage.ts would. */
export async function runMain(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  { signal = NEVER, run = main, onOutput }: RunOptions = {},
): Promise<Outcome> {
  const stdout = captured(onOutput);
  const stderr = captured(onOutput);
  const { PassThrough } = await import('node:stream');
  const stdin = new PassThrough();
  stdin.end();
  const exitCode = await run(argv, {
    stdin: stdin as unknown as NodeJS.ReadStream,
    stdout: stdout.stream as unknown as NodeJS.WriteStream,
    stderr: stderr.stream as unknown as NodeJS.WriteStream,
    program: PROGRAM,
    env,
    checkout: process.cwd(),
    signal,
  });
  requireDescribed(argv, stdout.text());
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}

function captured(onOutput: RunOptions['onOutput']): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      onOutput?.(Buffer.concat(chunks).toString('utf8'));
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString('utf8') };
}

/** A test file never gets one twice in a row: that of a stack which isn't up yet is free, too. */
const given = { ports: Math.floor(Math.random() * 300), subnets: Math.floor(Math.random() * 256) };

/**
 * Ports that nobody listens on, below the range from which isolated clusters take theirs: with 5000 more, where proxies have
 * them, too.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const first = 10_000 + (await ownPart()) * 300;
  while (ports.length < count) {
    const candidate = first + (given.ports++ % 300);
    if (await isFree(candidate)) ports.push(candidate);
  }
  return ports;
}

/** The first of `count` that follow each other. */
export async function freePortsInARow(count: number): Promise<number> {
  for (;;) {
    const ports = await freePorts(count);
    const [first = 0] = ports;
    if (ports.at(-1) === first + count - 1) return first;
  }
}

/**
 * Test files that run at the same time take their ports and subnets from different parts: what is free now may be the
 * other's in a moment. The part is held by a port of its own, which the kernel frees when this process ends, however it
 * ends.
 */
let part: Promise<number> | undefined;
function ownPart(): Promise<number> {
  part ??= (async () => {
    for (let number = 0; number < 16; number += 1) if (await hold(19_900 + number)) return number;
    throw new Error('all parts of the ports for tests are in use');
  })();
  return part;
}

function hold(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.unref();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => resolve(true));
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port }, () => {
      const { port: bound } = server.address() as AddressInfo;
      server.close(() => resolve(bound === port));
    });
  });
}

async function freeSubnetPrefix(engine: Engine): Promise<string> {
  const taken = (await engine.listNetworks())
    .flatMap(({ subnets }) => subnets.map(parseBlock))
    .filter((block) => block !== undefined);
  const second = 200 + (await ownPart());
  for (;;) {
    const prefix = `10.${second}.${given.subnets++ % 256}`;
    const block = parseBlock(`${prefix}.0/24`);
    if (block !== undefined && !taken.some((other) => overlaps(block, other))) return prefix;
  }
}
