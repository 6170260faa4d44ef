import { cpus, loadavg, totalmem } from 'node:os';
import { runCommand } from './command.ts';
import type { Bench } from './context.ts';

/** Where the numbers come from; without it they say nothing. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly engine: string;
  readonly image: string;
  /** `Valkey 9.1.2` */
  readonly server: string;
  /** Before the first measurement. Near the number of cores, others use the machine too and the times mean little. */
  readonly load: number;
}

export async function describeMachine(bench: Bench): Promise<Machine> {
  const { version, apiVersion, platform } = await bench.engine.version();
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    node: process.version,
    engine: `${version} (API ${apiVersion}, ${platform})`,
    image: bench.image,
    server: await serverVersion(bench),
    load: loadavg()[0] ?? Number.NaN,
  };
}

async function serverVersion(bench: Bench): Promise<string> {
  const command = [
    'docker',
    'run',
    '--rm',
    '--network',
    'none',
    bench.image,
    `${bench.server}-server`,
    '--version',
  ] as const;
  const text = await runCommand(bench, command).catch(() => '');
  bench.signal.throwIfAborted();
  const [, name = bench.server, version = 'unknown'] = /^(\w+) server v=(\S+)/.exec(text) ?? [];
  return `${name} ${version}`;
}

export function machineText({ cores, processor, memoryGiB, node, engine, image, server, load }: Machine): string {
  return [
    `${cores} cores (${processor}), ${memoryGiB} GiB, load ${load.toFixed(1)}, Node.js ${node}`,
    `engine ${engine}, image ${image}, ${server}`,
  ].join('\n');
}
