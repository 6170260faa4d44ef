import { lstat, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { withinBounds } from '../../bounds.ts';
import type { Engine } from '../../engine/engine.ts';
import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { CONFIG_FOLDER } from '../../plan/node/redis-config.ts';
import { stackFile } from '../session/stack-file.ts';
import { version } from '../../version.ts';
import { knownSecrets, redactor, withoutEnvironment } from './redact.ts';
import { LOG_LINES } from './container-checks.ts';
import { readLog } from '../observe/container-end.ts';
import type { Facts } from './facts.ts';

interface Bundle {
  readonly file: string;
  readonly entries: readonly BundleEntry[];
}

interface BundleEntry {
  readonly path: string;
  /** For who is to decide whether to send it. */
  readonly about: string;
}

interface Part extends BundleEntry {
  readonly read: () => Promise<unknown>;
}

/** @throws StackError USAGE where a file is in the way, or nothing can be written: before anything is asked */
export async function requireNewFile(file: string): Promise<string> {
  const path = resolve(file);
  if (!/\.(tar|tar\.gz|tgz)$/.test(path)) {
    throw new StackError('USAGE', { message: `--bundle takes the name of a .tar, .tar.gz or .tgz, not ${file}` });
  }
  if ((await lstat(path).catch(() => undefined)) !== undefined) throw inTheWay(path);
  const folder = await stat(dirname(path)).catch(() => undefined);
  if (folder?.isDirectory() === true) return path;
  throw new StackError('USAGE', {
    message: `--bundle: the folder ${dirname(path)} does not exist`,
    hint: `mkdir -p ${dirname(path)}`,
  });
}

/** What a helper needs to see who can't see the machine. What can't be read says why in its place. */
export async function writeBundle(path: string, facts: Facts, diagnosis: object): Promise<Bundle> {
  const parts = await partsOf(facts, diagnosis);
  const redact = redactor((await knownSecrets(facts)).map((secret) => secret.reveal()));
  const texts = await Promise.all(parts.map(async (part) => redact(await textOf(part, facts))));
  const { pack } = await import('tar-stream');
  const archive = pack();
  const folder = 'redis-cluster-doctor';
  const entries = parts.map(({ path: name, about }) => ({ path: name, about }));
  const contents = entries.map(({ path: name, about }) => `${name}   ${about}\n`).join('');
  archive.entry(
    { name: `${folder}/contents.txt`, mode: 0o600 },
    `${contents}\nPasswords, keys, tokens and environments were taken out.\n`,
  );
  for (const [index, { path: name }] of entries.entries()) {
    archive.entry({ name: `${folder}/${name}`, mode: 0o600 }, texts[index] ?? '');
  }
  archive.finalize();
  const bytes = await buffer(archive);
  await writeNew(path, path.endsWith('.tar') ? bytes : gzipSync(bytes));
  return { file: path, entries };
}

async function partsOf(facts: Facts, diagnosis: object): Promise<Part[]> {
  const present = (await facts.containers.know().catch(() => [])).filter(({ container }) => container !== undefined);
  const { hosts } = (await facts.stack.know().catch(() => undefined))?.spec ?? { hosts: [] };
  const engine = async (): Promise<Engine> => (await facts.engine.know()).engine;
  return [
    { path: 'doctor.json', about: 'what the checks say', read: async () => diagnosis },
    { path: 'versions.json', about: 'of Node.js, this program, the engine and Redis', read: () => versions(facts) },
    { path: 'stack.yaml', about: 'the YAML file', read: () => readFile(stackFile(facts.options), 'utf8') },
    {
      path: 'engine.json',
      about: 'what the engine says of itself',
      read: async () => {
        const connected = await engine();
        const said = await connected.describe('engine');
        if (hosts.length === 0) return engineFacts(said);
        const known = new Map<string, unknown>(Object.entries(said ?? {}));
        return Object.fromEntries(
          hosts.map(({ name }) => [name, known.has(name) ? engineFacts(known.get(name)) : 'it does not answer']),
        );
      },
    },
    ...(hosts.length === 0
      ? []
      : [
          {
            path: 'swarm.json',
            about: 'what each host that answers says of the swarm',
            read: async () => Object.fromEntries(await (await engine()).swarms()),
          },
        ]),
    {
      path: 'network.json',
      about: 'the network, as the engine describes it',
      read: async () => {
        const { spec } = await facts.stack.know();
        return (await engine()).describe('network', spec.network.name);
      },
    },
    {
      path: 'plan.json',
      about: 'what up would do',
      read: async () => {
        const { plan } = await import('../commands/plan.ts');
        return plan(await facts.session.know());
      },
    },
    ...present.flatMap(({ node, name }): Part[] => [
      {
        path: `${node.name}/container.json`,
        about: 'its container, as the engine describes it, without its environment',
        read: async () => withoutEnvironment(await (await engine()).describe('container', name)),
      },
      {
        path: `${node.name}/redis.conf`,
        about: 'its configuration, which has no secret in it',
        read: async () => (await (await engine()).readFile(name, `${CONFIG_FOLDER}/redis.conf`)) ?? 'not there\n',
      },
      {
        path: `${node.name}/log.txt`,
        about: `its last ${LOG_LINES} log lines`,
        read: async () => readLog(await engine(), name, LOG_LINES),
      },
      {
        path: `${node.name}/redis.txt`,
        about: 'CLUSTER NODES, CLUSTER INFO and INFO',
        read: () => redisWords(facts, node.name),
      },
    ]),
  ];
}

async function versions(facts: Facts): Promise<object> {
  const engine = await facts.engine.know().catch(() => undefined);
  const probes = await facts.probes.know().catch(() => []);
  return {
    program: version(),
    node: process.version,
    platform: `${process.platform}/${process.arch}`,
    engine: engine === undefined ? null : { ...engine.engine.endpoint, ...engine.version },
    image: (await facts.image.know().catch(() => undefined)) ?? null,
    redis: Object.fromEntries(probes.map(({ node, view }) => [node.name, view.reachable ? view.redisVersion : null])),
  };
}

/** Of all that an engine tells, what explains a failure; not its registries, proxies and labels. */
function engineFacts(info: unknown): object {
  const wanted = new Set(
    `ServerVersion OperatingSystem OSType OSVersion Architecture KernelVersion NCPU MemTotal Driver DriverStatus CgroupDriver
    CgroupVersion LoggingDriver DockerRootDir Containers ContainersRunning ContainersPaused ContainersStopped Images SystemTime
    MemoryLimit SwapLimit OomKillDisable IPv4Forwarding BridgeNfIptables LiveRestoreEnabled SecurityOptions Warnings`.split(
      /\s+/,
    ),
  );
  return Object.fromEntries(Object.entries(info ?? {}).filter(([name]) => wanted.has(name)));
}

async function redisWords({ probes }: Facts, name: string): Promise<string> {
  const probe = (await probes.know()).find(({ node }) => node.name === name);
  if (probe === undefined || !probe.view.reachable)
    return `${probe?.view.reachable === false ? probe.view.reason : 'not asked'}\n`;
  return probe.raw;
}

async function textOf({ path, read }: Part, { options }: Facts): Promise<string> {
  try {
    const content = await withinBounds(read(), `${path} was not read`, options);
    return typeof content === 'string' ? content : `${JSON.stringify(content, null, 2)}\n`;
  } catch (error) {
    options.signal.throwIfAborted();
    return `This could not be read: ${errorMessage(error)}\n`;
  }
}

/** For its owner only, and never over a file that came to be in the meantime. */
async function writeNew(path: string, bytes: Buffer): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') throw inTheWay(path);
    throw new StackError('USAGE', { message: `${path} can't be written: ${errorMessage(error)}`, cause: error });
  }
}

function inTheWay(path: string): StackError {
  return new StackError('USAGE', {
    message: `${path} exists already and is not overwritten`,
    hint: 'Choose another name for --bundle.',
  });
}
