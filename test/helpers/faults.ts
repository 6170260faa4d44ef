/** What a stack stands on, broken in every way that the program promises to say something of. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorMessage, type FailureCode } from '../../src/errors.ts';
import { poll } from '../../src/poll.ts';
import { REDIS_GID, REDIS_UID } from '../../src/plan/model/definitions.ts';
import { LABELS, LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { REDIS_CONF_FILE } from '../../src/plan/node/redis-config.ts';
import { hideImages } from './imageless-engine.ts';
import type { SmallDisk } from './small-disk.ts';
import { dockerOf, type TestStack } from './test-stack.ts';

export interface Fault {
  readonly name: string;
  /** Breaks it, and says how to mend what `up` can't. */
  readonly inflict: (scene: Scene) => Promise<Inflicted>;
  /** What `up` does about it. */
  readonly up: { readonly mends: true; readonly says?: RegExp } | Refusal;
  /** What `status` says while it lasts. */
  readonly status?: RegExp;
  /** What `cluster check` says, with the next command. */
  readonly check?: RegExp;
  /** What `cluster fix` says to it, where it must not touch it. */
  readonly fix?: RegExp;
  /** The line of `doctor` by which it is recognised. */
  readonly doctor?: { readonly state: 'failed' | 'warning' | 'failed or warning'; readonly text: RegExp };
  /** It needs a disk of its own for the data of redis-3. */
  readonly needsDisk?: true;
}

export interface Refusal {
  readonly mends: false;
  readonly code: FailureCode;
  readonly message: RegExp;
  /** The next command, or the line of the YAML file to change. */
  readonly hint: RegExp;
}

export interface Scene {
  readonly stack: TestStack;
  readonly disk: SmallDisk | undefined;
}

export interface Inflicted {
  readonly undo: () => Promise<void>;
  /** More of every command line while it lasts. */
  readonly argv?: readonly string[];
}

const NOTHING_TO_UNDO: Inflicted = { undo: async () => undefined };

type Inspected = Awaited<ReturnType<typeof inspect>>;

function inspect(stack: TestStack, node: number) {
  return dockerOf(stack.engine).getContainer(stack.container(node)).inspect();
}

/** As the engine sees a node's container: on a busy machine it hears of an end a moment later than a client does. */
async function untilInspected(stack: TestStack, node: number, isSo: (seen: Inspected) => boolean): Promise<void> {
  const bounds = { signal: new AbortController().signal, timeoutMs: 60_000, pace: { min: 20 } };
  const onTimeout = (): Error => new Error(`the engine does not see redis-${node} so`);
  await poll(() => inspect(stack, node), isSo, { ...bounds, onTimeout });
}

/** Runs a shell beside a container that need not run, with its volumes. */
async function beside({ engine }: TestStack, container: string, script: string): Promise<void> {
  const docker = dockerOf(engine);
  const helper = await docker.createContainer({
    Image: LOCAL_IMAGE,
    Cmd: ['sh', '-c', script],
    User: '0',
    HostConfig: { VolumesFrom: [container] },
  });
  try {
    await helper.start();
    await helper.wait();
  } finally {
    await helper.remove({ force: true, v: true });
  }
}

/** A container of nobody's, that runs and does nothing. @returns how to take it away; fails where somebody else did */
async function stranger(
  { engine }: TestStack,
  options: { name: string; labels?: Record<string, string>; hostConfig?: object; networkingConfig?: object },
): Promise<Inflicted> {
  const container = await dockerOf(engine).createContainer({
    name: options.name,
    Image: LOCAL_IMAGE,
    Cmd: ['sleep', '600'],
    StopSignal: 'SIGKILL',
    Labels: options.labels ?? {},
    ExposedPorts: { '80/tcp': {} },
    HostConfig: options.hostConfig ?? {},
    ...(options.networkingConfig === undefined ? {} : { NetworkingConfig: options.networkingConfig }),
  });
  await container.start();
  return { undo: () => container.remove({ force: true, v: true }) };
}

async function strangeNetwork(stack: TestStack, name: string): Promise<Inflicted> {
  await stack.must('down');
  const prefix = stack.subnet.replace('.0/24', '');
  const addresses = { subnet: stack.subnet, gateway: `${prefix}.1`, automaticRange: `${prefix}.128/25` };
  await stack.engine.createNetwork({ name, ...addresses, labels: {} });
  return {
    undo: async () => {
      await dockerOf(stack.engine).getNetwork(name).remove();
    },
  };
}

/** A bridge that leads nowhere, with an address in the stack's subnet: nothing is ever sent there. */
async function routeInTheWay(stack: TestStack): Promise<Inflicted> {
  await stack.must('down');
  const name = `rt-${stack.name.slice(2)}`;
  execFileSync('ip', ['link', 'add', name, 'type', 'bridge']);
  const undo = async (): Promise<void> => {
    execFileSync('ip', ['link', 'del', name]);
  };
  try {
    execFileSync('ip', ['addr', 'add', stack.subnet.replace('.0/24', '.1/24'), 'dev', name]);
    execFileSync('ip', ['link', 'set', name, 'up']);
  } catch (error) {
    await undo();
    throw error;
  }
  return { undo };
}

async function holdPort(port: number): Promise<Inflicted> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return { undo: () => new Promise((resolve) => server.close(() => resolve())) };
}

function asIf(clockAheadMs: number): Inflicted {
  const RealDate = Date;
  class Shifted extends RealDate {
    constructor(...args: unknown[]) {
      if (args.length === 0) super(RealDate.now() + clockAheadMs);
      else super(...(args as [number]));
    }
    static override now(): number {
      return RealDate.now() + clockAheadMs;
    }
  }
  globalThis.Date = Shifted as DateConstructor;
  return {
    undo: async () => {
      globalThis.Date = RealDate;
    },
  };
}

function diskOf({ disk }: Scene): SmallDisk {
  if (disk === undefined) throw new Error('there is no disk to break');
  return disk;
}

/** To the last block, and then writes that don't fit. */
async function fillDisk(scene: Scene): Promise<Inflicted> {
  const ballast = join(diskOf(scene).folder, 'ballast');
  const fillUp = `cat /dev/zero > ${ballast}.$number 2>/dev/null || true`;
  execFileSync('sh', ['-c', `for number in 1 2 3; do ${fillUp}; sync -f ${scene.stack.folder}/disk; done`]);
  // The first that doesn't fit is taken, and the next is refused: what `up` has to say is there already.
  for (const part of [1, 2, 3]) await scene.stack.redis(3, 'SET', `{user:3000}:${part}`, 'x'.repeat(100_000));
  return {
    undo: async () => {
      for (const number of [1, 2, 3]) rmSync(`${ballast}.${number}`);
    },
  };
}

/** The engine says that it runs before its Redis does. */
async function untilAnswering(stack: TestStack, node: number): Promise<void> {
  const ask = (): Promise<string> => stack.redis(node, 'PING').catch(errorMessage);
  const bounds = { signal: new AbortController().signal, timeoutMs: 60_000, pace: { min: 50 } };
  const onTimeout = (said: string): Error => new Error(`redis-${node} does not answer: ${said}`);
  await poll(ask, (said) => said.trim() === 'PONG', { ...bounds, onTimeout });
}

/** A save by hand: Redis itself tries no other before enough keys have changed, and none may. */
async function failToSave(stack: TestStack): Promise<void> {
  await beside(stack, stack.container(2), 'chmod u-w /data');
  await stack.redis(2, 'BGSAVE');
  const look = (): Promise<string> => stack.redis(2, 'INFO', 'persistence');
  const bounds = { signal: new AbortController().signal, timeoutMs: 60_000, pace: { min: 20 } };
  const onTimeout = (): Error => new Error('the save did not fail');
  await poll(look, (info) => info.includes('rdb_last_bgsave_status:err'), { ...bounds, onTimeout });
}

/** The others believe in it again no sooner than twice the node timeout after that: Redis is long since up by then. */
async function untilGivenUp(stack: TestStack): Promise<void> {
  for (let looks = 0; looks < 200; looks += 1) {
    if ((await stack.redis(1, 'CLUSTER', 'NODES')).includes('master,fail ')) return;
    await sleep(100);
  }
  throw new Error('nobody gave the node up');
}

/** A middle that is zeros, or an end that is not there. */
async function damageLog(stack: TestStack, how: 'middle' | 'end'): Promise<void> {
  await stack.redis(2, 'SET', '{user:2000}:last', 'a write that was under way');
  const container = stack.container(2);
  await stack.engine.stopContainer(container, 10);
  const file = '$(ls /data/appendonlydir/*.incr.aof | tail -1)';
  const script =
    how === 'middle'
      ? `cp -a /data/appendonlydir /data/whole; dd if=/dev/zero of=${file} bs=1 seek=3000 count=300 conv=notrunc`
      : `f=${file}; head -c $(($(stat -c %s $f) - 9)) $f > /tmp/cut; cat /tmp/cut > $f`;
  await beside(stack, container, script);
}

export const FAULTS: readonly Fault[] = [
  {
    name: 'a host port that a process holds',
    inflict: async ({ stack }) => {
      await stack.engine.removeContainer(stack.container(2));
      return holdPort(stack.ports[2] ?? 0);
    },
    up: {
      mends: false,
      code: 'PORT_TAKEN',
      message: /host port 127\.0\.0\.1:\d+, which \S+-redis-2 is to have, is held by .+ \(process \d+\)/,
      hint: /Stop the holder, or choose another port in the YAML file under redis\.nodes/,
    },
    doctor: { state: 'failed', text: /is held by .+ \(process \d+\)/ },
  },
  {
    name: 'a host port that another container holds',
    inflict: async ({ stack }) => {
      await stack.engine.removeContainer(stack.container(2));
      const PortBindings = { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: String(stack.ports[2]) }] };
      return stranger(stack, { name: `${stack.name}-holder`, hostConfig: { PortBindings } });
    },
    up: {
      mends: false,
      code: 'PORT_TAKEN',
      message: /is held by the container \S+-holder/,
      hint: /Stop the holder, or choose another port in the YAML file under redis\.nodes/,
    },
    doctor: { state: 'failed', text: /is held by the container \S+-holder/ },
  },
  {
    name: 'the subnet of another network',
    inflict: ({ stack }) => strangeNetwork(stack, `${stack.name}-other`),
    up: {
      mends: false,
      code: 'SUBNET_OVERLAP',
      message: /the subnet \S+ overlaps \S+ of the network \S+-other/,
      hint: /Choose another network\.subnet in the YAML file, or remove the network: docker network rm \S+-other/,
    },
    doctor: { state: 'failed', text: /overlaps \S+ of the network \S+-other/ },
  },
  {
    name: 'a subnet that this machine reaches some other way',
    inflict: ({ stack }) => routeInTheWay(stack),
    up: {
      mends: false,
      code: 'SUBNET_OVERLAP',
      message: /the subnet \S+ overlaps \S+, which this machine reaches through rt-/,
      hint: /Choose another network\.subnet in the YAML file, .* ip route/,
    },
    doctor: { state: 'failed', text: /which this machine reaches through rt-/ },
  },
  {
    name: 'an address that another container has',
    inflict: async ({ stack }) => {
      await stack.engine.removeContainer(stack.container(2));
      const network = `${stack.name}-net`;
      const EndpointsConfig = { [network]: { IPAMConfig: { IPv4Address: stack.ips[1] ?? '' } } };
      return stranger(stack, {
        name: `${stack.name}-guest`,
        hostConfig: { NetworkMode: network },
        networkingConfig: { EndpointsConfig },
      });
    },
    up: {
      mends: false,
      code: 'ADDRESS_TAKEN',
      message: /the address \S+, which \S+-redis-2 is to have, is held by the container \S+-guest/,
      hint: /docker network disconnect \S+-net \S+-guest/,
    },
    doctor: { state: 'failed', text: /is held by the container \S+-guest/ },
  },
  {
    name: 'no image, and a registry that does not answer',
    inflict: async ({ stack }) => {
      const { address, close } = hideImages(stack);
      // Nobody listens on port 1.
      stack.edit((yaml) => yaml.replace('  replicas: 0\n', '  replicas: 0\n  image: 127.0.0.1:1/redis:7\n'));
      return {
        argv: ['--host', address],
        undo: async () => {
          stack.edit((yaml) => yaml.replace('  image: 127.0.0.1:1/redis:7\n', ''));
          close();
        },
      };
    },
    up: {
      mends: false,
      code: 'IMAGE_UNAVAILABLE',
      message: /the image 127\.0\.0\.1:1\/redis:7 is not on this engine and could not be pulled: /,
      hint: /npx tsx manage\.ts image build/,
    },
    doctor: { state: 'warning', text: /neither \S+ nor the local image is on this engine/ },
  },
  {
    name: 'a network of our name that is not ours',
    inflict: ({ stack }) => strangeNetwork(stack, `${stack.name}-net`),
    up: {
      mends: false,
      code: 'NAME_TAKEN',
      message: /the network \S+-net exists and was not made by this program; it is left alone/,
      hint: /Choose another network\.name in the YAML file, or remove the network/,
    },
    doctor: { state: 'failed', text: /the network \S+-net exists and was not made by this program/ },
  },
  {
    name: 'a container of our name that is not ours',
    inflict: async ({ stack }) => {
      await stack.engine.removeContainer(stack.container(2));
      return stranger(stack, { name: stack.container(2), labels: { 'com.docker.compose.project': 'shop' } });
    },
    up: {
      mends: false,
      code: 'NAME_TAKEN',
      message: /the container \S+-redis-2 exists and belongs to the stack 'shop'; it is left alone/,
      hint: /Choose another name in the YAML file, or remove the container/,
    },
    doctor: { state: 'failed', text: /the container \S+-redis-2 exists and belongs to the stack 'shop'/ },
  },
  {
    name: 'a data volume of our name that belongs to another stack',
    inflict: async ({ stack }) => {
      // Under a name that the stack takes on for a moment: its own volumes keep theirs.
      const name = `${stack.name}x-redis-2-data`;
      const rename = (from: string, to: string): void =>
        stack.edit((yaml) => yaml.replace(`name: ${from}\n`, `name: ${to}\n`).replace(`${from}-net`, `${to}-net`));
      await dockerOf(stack.engine).createVolume({ Name: name, Labels: { [LABELS.stack]: 'another' } });
      rename(stack.name, `${stack.name}x`);
      return {
        undo: async () => {
          rename(`${stack.name}x`, stack.name);
          await dockerOf(stack.engine).getVolume(name).remove();
        },
      };
    },
    up: {
      mends: false,
      code: 'NAME_TAKEN',
      message: /the volume \S+x-redis-2-data exists and belongs to the stack 'another'; it is left alone/,
      hint: /Choose another name in the YAML file, or remove the volume/,
    },
    doctor: { state: 'failed', text: /the volume \S+-redis-2-data exists and belongs to the stack 'another'/ },
  },
  {
    name: 'a disk that is full',
    needsDisk: true,
    inflict: fillDisk,
    up: {
      mends: false,
      code: 'DISK_FULL',
      message:
        /redis-3 could not write its append-only file, and refuses writes .* is full, [\d.]+ (Ki)?B of [\d.]+ MiB are free/,
      hint: /docker system df -v {3}# make room on the disk of \S+-redis-3-data, then: npx tsx manage\.ts up/,
    },
    status: /redis-3: it could not write its append-only file, and refuses writes/,
    doctor: { state: 'failed', text: /disk is full/ },
  },
  {
    name: 'a data folder that could not be written for a while',
    inflict: async ({ stack }) => {
      await failToSave(stack);
      await beside(stack, stack.container(2), 'chmod u+w /data');
      return NOTHING_TO_UNDO;
    },
    up: { mends: true, says: /✓ save a dump of redis-2 {2}\(its last save failed/ },
    status: /redis-2: it could not write its dump\.rdb, and refuses writes \(MISCONF\)/,
    doctor: { state: 'failed', text: /refuses writes \(MISCONF\)/ },
  },
  {
    name: 'a data folder that can not be written',
    inflict: async ({ stack }) => {
      await failToSave(stack);
      return {
        undo: async () => {
          await beside(stack, stack.container(2), 'chmod u+w /data');
          await stack.must('cluster', 'fix');
        },
      };
    },
    up: {
      mends: false,
      code: 'CLUSTER_UNHEALTHY',
      message: /redis-2 could not write its dump\.rdb, and refuses writes .*: .*Failed opening the .*Permission denied/,
      hint: /docker run --rm --user 0 --volumes-from \S+-redis-2 \S+ chown -R 999 \/data {3}# then: npx tsx/,
    },
    check:
      /redis-2: it could not write its dump\.rdb, and refuses writes \(MISCONF\)\n {2}→ npx tsx manage\.ts cluster fix/,
    fix: /redis-2 could not write its dump\.rdb/,
    doctor: { state: 'failed', text: /refuses writes \(MISCONF\)/ },
  },
  {
    name: 'replicas that are asked for before a write is taken, and are not there',
    inflict: async ({ stack }) => {
      await stack.redis(1, 'CONFIG', 'SET', 'min-replicas-to-write', '1');
      const undo = async (): Promise<void> =>
        void (await stack.redis(1, 'CONFIG', 'SET', 'min-replicas-to-write', '0'));
      return { undo };
    },
    up: {
      mends: false,
      code: 'CLUSTER_UNHEALTHY',
      message: /redis-1: it refuses writes \(NOREPLICAS\): min-replicas-to-write is 1, and 0 replicas keep up with it/,
      hint: /redis-cli redis-1 .*-- CONFIG SET min-replicas-to-write 0 .*redis\.replicas in the YAML file/,
    },
    check: /refuses writes \(NOREPLICAS\).*\n {2}→ npx tsx manage\.ts redis-cli redis-1/,
    status: /redis-1: it refuses writes \(NOREPLICAS\)[^]*Next: .*CONFIG SET min-replicas-to-write 0/,
    doctor: { state: 'failed', text: /refuses writes \(NOREPLICAS\)/ },
  },
  {
    name: 'a memory that is full, and no key that may be thrown out',
    inflict: async ({ stack }) => {
      const change = ['  maxmemory: 64mb\n', '  maxmemory: 1mb\n  maxmemoryPolicy: noeviction\n'] as const;
      const setOnEach = async (name: string, value: string): Promise<void> => {
        await Promise.all([1, 2, 3].map((node) => stack.redis(node, 'CONFIG', 'SET', name, value)));
      };
      // In this order, and back in the other: between them any key could be thrown out.
      await setOnEach('maxmemory-policy', 'noeviction');
      await setOnEach('maxmemory', '1mb');
      stack.edit((yaml) => yaml.replace(...change));
      return {
        undo: async () => {
          stack.edit((yaml) => yaml.replace(change[1], change[0]));
          await setOnEach('maxmemory', '64mb');
        },
      };
    },
    up: {
      mends: false,
      code: 'CLUSTER_UNHEALTHY',
      message: /redis-1: it refuses writes \(OOM\): it uses [\d.]+ MiB of its maxmemory of 1 MiB/,
      hint: /Set redis\.maxmemory, or redis\.maxmemoryPolicy, in the YAML file, then: npx tsx/,
    },
    check: /refuses writes \(OOM\).*\n {2}→ Set redis\.maxmemory/,
    status: /redis-1: it refuses writes \(OOM\)[^]*Next: Set redis\.maxmemory/,
    doctor: { state: 'failed', text: /refuses writes \(OOM\)/ },
  },
  {
    name: 'a disk that can only be read',
    needsDisk: true,
    inflict: async (scene) => {
      const disk = diskOf(scene);
      await scene.stack.engine.stopContainer(scene.stack.container(3), 10);
      disk.remount('ro');
      return { undo: async () => disk.remount('rw') };
    },
    up: {
      mends: false,
      code: 'DISK_READ_ONLY',
      message: /could not write the files of \S+-redis-3: .*read-only file system/,
      hint: /docker volume ls/,
    },
    status: /redis-3 does not answer: its container is exited/,
    doctor: { state: 'failed', text: /redis-3 is exited/ },
  },
  {
    name: 'a container that the kernel ended for its memory',
    inflict: async ({ stack }) => {
      // Far more than its 128 MiB, for a moment.
      const script = "return #string.rep('x', 400 * 1024 * 1024)";
      // containerd may tell of the end first, and of its reason too late: the engine then knows of none.
      for (let attempts = 0; attempts < 5; attempts += 1) {
        const { State: before } = await inspect(stack, 2);
        await stack.run('redis-cli', 'redis-2', '--', 'EVAL', script, '0');
        await untilInspected(stack, 2, ({ State }) => !State.Running || State.StartedAt !== before.StartedAt);
        if ((await inspect(stack, 2)).State.OOMKilled) return NOTHING_TO_UNDO;
        await untilAnswering(stack, 2);
      }
      throw new Error('no end of the container was one for its memory');
    },
    up: { mends: true },
    status: /the kernel has killed \S+-redis-2: its 128 MiB of memory were used up\. Set redis\.memory higher/,
    // How often the engine has started it again before makes the difference.
    doctor: { state: 'failed or warning', text: /redis-2 .* it was out of memory/ },
  },
  {
    name: 'a clock that jumped two years ahead',
    inflict: async () => asIf(2 * 365 * 86_400_000),
    up: { mends: true, says: /✓ renew certificate redis-2/ },
    status: /certificate/,
    doctor: { state: 'warning', text: /the clock of redis-1 is (2y|1y 364d).* behind this host's/ },
  },
  {
    name: 'a container that is paused',
    inflict: async ({ stack }) => {
      await dockerOf(stack.engine).getContainer(stack.container(2)).pause();
      return NOTHING_TO_UNDO;
    },
    up: { mends: true, says: /✓ unpause container .*redis-2/ },
    status: /redis-2 does not answer: its container is paused/,
    doctor: { state: 'failed', text: /redis-2 is paused/ },
  },
  {
    name: 'a node table that is garbage',
    inflict: async ({ stack }) => {
      await stack.engine.stopContainer(stack.container(2), 10);
      await beside(stack, stack.container(2), "printf 'garbage' > /data/nodes.conf");
      return NOTHING_TO_UNDO;
    },
    up: {
      mends: true,
      says: /its damaged node table is kept as \/data\/nodes\.conf\.damaged-[^]*✓ restore node table redis-/,
    },
    doctor: { state: 'failed', text: /node table/ },
  },
  {
    name: 'a node table that is empty: Redis has started without, under another id',
    inflict: async ({ stack }) => {
      await stack.engine.stopContainer(stack.container(2), 10);
      await beside(stack, stack.container(2), ': > /data/nodes.conf');
      await stack.engine.startContainer(stack.container(2));
      await untilAnswering(stack, 2);
      return NOTHING_TO_UNDO;
    },
    up: { mends: true, says: /✓ restore node table redis-/ },
    status: /redis-2(: it knows 1 nodes instead of 3| does not answer)/,
    fix: /redis-2 has lost its node table.*DATA_AT_RISK/,
    doctor: { state: 'failed', text: /redis-1 does not know redis-2|redis-2 does not know redis-1/ },
  },
  {
    name: 'an append-only file without its end, of a node that was away for long and has just begun',
    inflict: async ({ stack }) => {
      await damageLog(stack, 'end');
      await untilGivenUp(stack);
      await stack.engine.startContainer(stack.container(2));
      await untilAnswering(stack, 2);
      return NOTHING_TO_UNDO;
    },
    up: { mends: true, says: /its append-only file ended in the middle of a write/ },
    doctor: { state: 'warning', text: /its append-only file ended in the middle of a write/ },
  },
  {
    name: 'an append-only file with a middle that nobody can read',
    inflict: async ({ stack }) => {
      await damageLog(stack, 'middle');
      const bringBack = 'rm -rf /data/appendonlydir && mv /data/whole /data/appendonlydir';
      return {
        undo: async () => {
          await stack.engine.stopContainer(stack.container(2), 1);
          await beside(stack, stack.container(2), bringBack);
        },
      };
    },
    up: {
      mends: false,
      code: 'CONTAINER_EXITED',
      message: /redis-2 is (restarting|exited): its append-only file is damaged/,
      hint: /docker run --rm -it --volumes-from \S+-redis-2 \S+ sh -c .*redis-check-aof --fix/,
    },
    doctor: { state: 'failed', text: /redis-2 is exited/ },
  },
  {
    name: 'a redis.conf that was spoiled by hand, so that the node ends again and again',
    inflict: async ({ stack }) => {
      const [name, owner] = [stack.container(2), { mode: 0o600, uid: REDIS_UID, gid: REDIS_GID }];
      const content = `${(await stack.engine.readFile(name, REDIS_CONF_FILE)) ?? ''}\nno-such-setting yes\n`;
      await stack.engine.writeFiles(name, [{ path: REDIS_CONF_FILE, content, ...owner }]);
      await stack.engine.restartContainer(name, 10);
      // By then the engine waits much longer before each start than the node runs.
      await untilInspected(stack, 2, ({ RestartCount }) => RestartCount >= 3);
      return NOTHING_TO_UNDO;
    },
    up: { mends: true, says: /✓ configure container .*redis-2/ },
    status: /redis-2 does not answer/,
    doctor: { state: 'failed', text: /Redis does not accept a line of its configuration/ },
  },
  {
    name: 'a container that was disconnected from its network',
    inflict: async ({ stack }) => {
      const network = dockerOf(stack.engine).getNetwork(`${stack.name}-net`);
      const Container = stack.container(2);
      await network.disconnect({ Container });
      return {
        undo: async () => {
          const container = (await stack.engine.listContainers()).find(({ name }) => name === Container);
          if (container?.addresses[`${stack.name}-net`] !== undefined) return;
          const EndpointConfig = { IPAMConfig: { IPv4Address: stack.ips[1] ?? '' } };
          await network.connect({ Container, EndpointConfig });
        },
      };
    },
    up: { mends: true, says: /✓ connect container .*redis-2/ },
    status: /redis-2/,
    doctor: { state: 'failed', text: /redis-2 is not connected to the network/ },
  },
];
