import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEngineProxy } from './engine-proxy.ts';
import { newFaultLine, type FaultLine, type Trap } from './fault-line.ts';
import { endRedirect, REDIRECTED_PORTS, redirectionText, redirectPort } from './redirect-ports.ts';
import { startRedisProxy } from './redis-proxy.ts';
import {
  freePorts,
  makeStack,
  removeByLabel,
  testEngine,
  type Outcome,
  type StackOptions,
  type TestStack,
} from './test-stack.ts';

/** A stack whose engine and nodes are reached through proxies, by the program in this process and in others. */
export interface SweptStack {
  readonly stack: TestStack;
  readonly line: FaultLine;
  /** A plain port more than the nodes have, with a proxy before it, too. */
  readonly morePorts: readonly [plain: number, tls: number, bus: number];
  /** Runs a command line in a process of its own, into a trap. */
  runChild(trap: Omit<Trap, 'kill'>, ...argv: string[]): Promise<Ended>;
  /** Removes all of the stack, with its data; the YAML file is as in the beginning. */
  clear(): Promise<void>;
  remove(): Promise<void>;
}

export interface Ended extends Outcome {
  readonly signal: NodeJS.Signals | null;
}

/** Far more than a run may take, whatever happens to it. */
const LONGEST_RUN_MS = 180_000;
const PROGRAM = ['--import', 'tsx', '--import', './test/helpers/redirect-ports.ts', 'manage.ts'];

export async function makeSweptStack(options: StackOptions = {}): Promise<SweptStack> {
  const line = newFaultLine();
  const folder = mkdtempSync(join(tmpdir(), 'sweep-'));
  const socket = join(folder, 'engine.sock');
  const engineSocket = (await testEngine()).endpoint.address.replace('unix://', '');
  const engineProxy = await startEngineProxy(socket, engineSocket, line);
  const stack = await makeStack({ ...options, env: { ...options.env, DOCKER_HOST: `unix://${socket}` } });
  const [plainPort = 0, tlsPort = 0, busPort = 0] = await freePorts(3);
  const morePorts = [plainPort, tlsPort, busPort] as const;
  const closers = [engineProxy.close];
  const ports = new Map<number, number>();
  const plainPorts = stack.ips.map((_ip, index) => stack.ports[index * 2] ?? 0);
  for (const [index, port] of [...plainPorts, morePorts[0]].entries()) {
    const name = index < plainPorts.length ? `redis-${index + 1}` : 'the new port';
    const proxy = await startRedisProxy(name, port, line);
    closers.push(proxy.close);
    ports.set(port, proxy.port);
    redirectPort(port, proxy.port);
  }
  const env = { ...stack.env, [REDIRECTED_PORTS]: redirectionText(ports) };
  const yaml = readFileSync(stack.file, 'utf8');

  return {
    stack,
    line,
    morePorts,
    runChild: (trap, ...argv) =>
      new Promise((resolve) => {
        const child = spawn(process.execPath, [...PROGRAM, ...argv, '-f', stack.file], { env });
        const timer = setTimeout(() => child.kill('SIGABRT'), LONGEST_RUN_MS);
        let [stdout, stderr] = ['', ''];
        child.stdout.on('data', (chunk) => (stdout += String(chunk)));
        child.stderr.on('data', (chunk) => (stderr += String(chunk)));
        child.once('close', (exitCode, signal) => {
          clearTimeout(timer);
          resolve({ exitCode: exitCode ?? -1, signal, stdout, stderr });
        });
        line.begin({ ...trap, kill: () => void child.kill('SIGKILL') });
      }),
    clear: async () => {
      line.begin();
      await removeByLabel(stack.engine, stack.name);
      writeFileSync(stack.file, yaml);
    },
    remove: async () => {
      await stack.remove();
      for (const port of ports.keys()) endRedirect(port);
      await Promise.all(closers.map((close) => close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
