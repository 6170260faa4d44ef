import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { requireSuccess, startProgram, type Ended, type Program } from './program.ts';
import { dockerOf, testEngine, type TestStack } from './test-stack.ts';

/** Runs command lines where published ports of the test's own engines answer. */
interface Runner {
  /** Before a command, which becomes this very process. */
  launcher(): readonly string[];
  /** In a process of its own. */
  program(stack: Pick<TestStack, 'file' | 'env'>, ...args: readonly string[]): Program;
  /** The same to its end; fails the test when that is not exit code 0. */
  must(stack: Pick<TestStack, 'file' | 'env'>, ...args: readonly string[]): Promise<Ended>;
}

/**
 * An engine of the test's own, that may be stopped and killed. It lives in namespaces of its own: network (its bridges and
 * its rules never meet the host's), mounts, and processes, which all end with the first of them.
 */
export interface OwnEngine extends Runner {
  /** As DOCKER_HOST writes it. */
  readonly host: string;
  readonly docker: Docker;
  /** Resolves when it answers. @param options more of dockerd's own */
  start(options?: readonly string[]): Promise<void>;
  /** SIGTERM: the engine stops its containers before it ends. SIGKILL: it doesn't. Resolves when it has ended. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Ends everything in it at once, as its machine would; `start` turns it on again, with its disk. */
  losePower(): Promise<void>;
  /** Before a command, which becomes this very process: it is where this container is. */
  launcherIn(container: string): Promise<readonly string[]>;
  /** Runs a command where its addresses are. */
  inNetwork(...command: readonly string[]): void;
  /** Begins a process of this machine, which ends with it at the latest. */
  begin(...command: readonly string[]): ChildProcess;
  /** Copies the image of the tests into it. */
  loadImage(): Promise<void>;
  /** Ends everything, and leaves nothing behind. */
  remove(): Promise<void>;
}

/** Engines on machines of their own, as far as they can tell, joined by one wire. */
export interface OwnHosts extends Runner {
  readonly all: readonly OwnHost[];
  /** Fails the test where there is none. */
  at(index: number): OwnHost;
  /** Makes one Docker Swarm of them, the first ones its managers. Resolves when all of these are reached. */
  joinSwarm(managers: number): Promise<void>;
  remove(): Promise<void>;
}

export interface OwnHost extends OwnEngine {
  /** On the wire. */
  readonly address: string;
  /** Cuts it off from the others, or joins it again. */
  setLink(state: 'up' | 'down'): void;
}

/** Why this machine can't have one; undefined where it can. */
export function whyNoOwnEngine(): string | undefined {
  if (process.getuid?.() !== 0) return 'a second engine needs root';
  const missing = ['unshare', 'nsenter', 'dockerd', 'ip'].find((name) => spawnSync('which', [name]).status !== 0);
  if (missing !== undefined) return `no ${missing} on this machine`;
  const { status } = spawnSync('unshare', [...NAMESPACES, 'ip', 'link', 'set', 'lo', 'up'], { stdio: 'ignore' });
  return status === 0 ? undefined : 'no namespaces can be made on this machine';
}

/** The same for several that reach each other: an overlay network is made of VXLAN. */
export function whyNoOwnHosts(): string | undefined {
  const whyNot = whyNoOwnEngine();
  if (whyNot !== undefined) return whyNot;
  const tries = ['ip link add vxlan1 type vxlan id 1 dstport 4789', 'ip link add v1 type veth peer name v2'];
  const { status } = spawnSync('unshare', [...NAMESPACES, 'sh', '-c', tries.join(' && ')], { stdio: 'ignore' });
  return status === 0 ? undefined : "this machine's kernel has no VXLAN";
}

const NAMESPACES = ['--net', '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
const READY_MS = 120_000;
const CGROUPS = '/sys/fs/cgroup';

/** Namespaces, and the process that holds them. */
interface Room {
  /** The first process in it, as this process sees it. */
  readonly pid: number;
  /** Ends all in it. */
  end(signal?: 'SIGKILL'): Promise<void>;
}

/**
 * The first process of its namespace collects those that lose their parent, and ends with this test's end of the pipe,
 * however the test ends. What an engine keeps in /run it has for itself, and loses with its power.
 */
async function openRoom(name: string): Promise<Room> {
  const script = `hostname ${name} && mount -t tmpfs none /run && ip link set lo up && echo ready && cat && true`;
  const holder = spawn('unshare', [...NAMESPACES, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(holder.stdout, 'data');
  const ended = once(holder, 'exit');
  const pid = childOf(holder.pid);
  return {
    pid,
    end: async (signal) => {
      if (signal === undefined) holder.stdin.end();
      else process.kill(pid, signal);
      await ended;
    },
  };
}

function childOf(pid = 0): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim());
}

/** Before a command, which becomes this very process. */
function inNetworkOf({ pid }: Room): readonly string[] {
  return ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
}

function ipIn(room: Room, command: string): void {
  runIn(room, ['ip', ...command.split(' ')]);
}

function runIn(room: Room, command: readonly string[]): void {
  const [program = '', ...words] = [...inNetworkOf(room), ...command];
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
}

/** @param where as a stack's environment has to have it, beside its own */
function runnerIn(room: () => Room, where: NodeJS.ProcessEnv): Runner {
  const program: Runner['program'] = ({ file, env }, ...args) =>
    startProgram({ file, env: { ...env, ...where } }, args, inNetworkOf(room()));
  return {
    launcher: () => inNetworkOf(room()),
    program,
    must: async (stack, ...args) => requireSuccess(await program(stack, ...args).ended, args.join(' ')),
  };
}

export async function startOwnEngine(): Promise<OwnEngine> {
  const engine = await makeEngine('own-engine');
  await orRemove(engine, async () => {
    await engine.start();
    await engine.loadImage();
  });
  return engine;
}

/** Engines that run, each reached by the others at its address; no swarm, and no image. */
export async function startOwnHosts(count: number): Promise<OwnHosts> {
  const wire = await openRoom('wire');
  ipIn(wire, 'link add wire type bridge');
  ipIn(wire, 'addr add 10.99.0.1/24 dev wire');
  ipIn(wire, 'link set wire up');
  const all: OwnHost[] = [];
  const hosts: OwnHosts = {
    all,
    at: (index) => {
      const host = all[index];
      if (host === undefined) throw new Error(`there is no host ${index}`);
      return host;
    },
    ...runnerIn(() => wire, { DOCKER_HOST: '' }),
    joinSwarm: (managers) => joinSwarm(all, managers),
    remove: async () => {
      await Promise.all(all.map((one) => one.remove()));
      await wire.end();
    },
  };
  await orRemove(hosts, async () => {
    for (let number = 1; number <= count; number += 1) {
      const address = `10.99.0.${10 + number}`;
      const setLink: OwnHost['setLink'] = (state) => ipIn(wire, `link set host${number} ${state}`);
      const engine = await makeEngine(`host${number}`, (room) => {
        // Of a machine that has just lost its power the kernel may not have taken it away yet.
        runIn(wire, ['sh', '-c', `ip link del host${number} 2>/dev/null; true`]);
        ipIn(wire, `link add host${number} type veth peer name eth0 netns ${room.pid}`);
        ipIn(wire, `link set host${number} master wire`);
        setLink('up');
        ipIn(room, `addr add ${address}/24 dev eth0`);
        ipIn(room, 'link set eth0 up');
        ipIn(room, 'route add default via 10.99.0.1');
      });
      all.push({ ...engine, address, setLink });
    }
    await Promise.all(all.map((one) => one.start()));
  });
  return hosts;
}

async function joinSwarm([first, ...others]: readonly OwnHost[], managers: number): Promise<void> {
  if (first === undefined) return;
  const place = ({ address }: OwnHost): object => ({ ListenAddr: `${address}:2377`, AdvertiseAddr: address });
  await first.docker.swarmInit(place(first));
  const { JoinTokens: tokens } = (await first.docker.swarmInspect()) as { JoinTokens: Record<string, string> };
  for (const [index, one] of others.entries()) {
    const JoinToken = tokens[index + 1 < managers ? 'Manager' : 'Worker'];
    try {
      await one.docker.swarmJoin({ ...place(one), RemoteAddrs: [`${first.address}:2377`], JoinToken });
    } catch (error) {
      // The engine gives its answer after 20 s at the latest.
      if (!String(error).includes('will continue in the background')) throw error;
    }
  }
  for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(50)) {
    // There may be no leader for a moment.
    const nodes = (await first.docker.listNodes().catch(() => [])) as { ManagerStatus?: { Reachability: string } }[];
    const reached = nodes.filter(({ ManagerStatus }) => ManagerStatus?.Reachability === 'reachable');
    if (reached.length === managers && nodes.length === others.length + 1) return;
  }
  throw new Error('the managers of the swarm do not reach each other');
}

async function orRemove(made: { remove(): Promise<void> }, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await made.remove();
    throw error;
  }
}

/** @param connect joins its room to others, each time that it is opened */
async function makeEngine(name: string, connect: (room: Room) => void = () => undefined): Promise<OwnEngine> {
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const cgroup = folder.split('/').at(-1) ?? '';
  const socket = join(folder, 'docker.sock');
  const log = join(folder, 'dockerd.log');
  const docker = new Docker({ socketPath: socket });
  const open = async (): Promise<Room> => {
    const opened = await openRoom(name);
    connect(opened);
    return opened;
  };
  let isOff = false;
  let room = await open();
  let daemon: ChildProcess | undefined;

  /** Before a command that is one of this machine's processes. */
  const inside = (): string[] => {
    const [net, mnt, uts, pid] = ['net', 'mnt', 'uts', 'pid'].map((one) => `/proc/${room.pid}/ns/${one}`);
    return [`--net=${net}`, `--mount=${mnt}`, `--uts=${uts}`, `--pid=${pid}`, '--'];
  };
  const start: OwnEngine['start'] = async (more = []) => {
    if (isOff) room = await open();
    isOff = false;
    const output = openSync(log, 'a');
    const options = [`--data-root=${join(folder, 'data')}`, '--exec-root=/run/docker', '--pidfile=/run/docker.pid'];
    daemon = spawn(
      'nsenter',
      [...inside(), 'dockerd', ...options, `--host=unix://${socket}`, `--cgroup-parent=/${cgroup}`, ...more],
      { stdio: ['ignore', output, output] },
    );
    closeSync(output);
    for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(50)) {
      if (await docker.ping().then(Boolean, () => false)) return;
    }
    throw new Error(`the test's own engine doesn't answer\n${readFileSync(log, 'utf8').slice(-4000)}`);
  };
  const stop: OwnEngine['stop'] = async (signal) => {
    if (daemon?.pid === undefined) return;
    const ended = once(daemon, 'exit');
    // nsenter forks, to be in the namespace of processes, and passes no signal on.
    const pid = childOf(daemon.pid);
    // 0 would be the whole group of processes that this one is in.
    if (pid === 0) throw new Error('dockerd does not run any more');
    process.kill(pid, signal);
    await ended;
    daemon = undefined;
  };
  return {
    host: `unix://${socket}`,
    docker,
    start,
    stop,
    losePower: async () => {
      await room.end('SIGKILL');
      isOff = true;
      daemon = undefined;
    },
    ...runnerIn(() => room, { DOCKER_HOST: `unix://${socket}` }),
    launcherIn: async (container) => {
      const { NetworkSettings } = await docker.getContainer(container).inspect();
      const path = NetworkSettings.SandboxKey.replace('/var/run/', '/run/');
      return ['nsenter', `--net=/proc/${room.pid}/root${path}`, '--'];
    },
    inNetwork: (...command) => runIn(room, command),
    begin: (...command) => spawn('nsenter', [...inside(), ...command], { stdio: ['ignore', 'ignore', 'pipe'] }),
    loadImage: async () => {
      const archive = await dockerOf(await testEngine())
        .getImage(LOCAL_IMAGE)
        .get();
      await docker.loadImage(archive);
    },
    remove: async () => {
      if (!isOff) await room.end();
      // The last processes of a machine that lost its power may still be ending.
      for (const until = Date.now() + READY_MS; hasCgroups(cgroup) && Date.now() < until; await sleep(50)) {
        removeCgroups(cgroup);
      }
      rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
    },
  };
}

/** Containers that ended with their namespace leave theirs, empty. */
export function removeCgroups(name: string): void {
  for (const controller of readdirSync(CGROUPS)) removeFolders(join(CGROUPS, controller, name));
}

function hasCgroups(name: string): boolean {
  return readdirSync(CGROUPS).some((controller) => existsSync(join(CGROUPS, controller, name)));
}

function removeFolders(folder: string): void {
  try {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory()) removeFolders(join(folder, entry.name));
    }
    rmdirSync(folder);
  } catch {
    // Not there: not every controller has one.
  }
}
