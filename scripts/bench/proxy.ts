import { keySlot } from '../../src/cluster/keys/key-slot.ts';
import { withNodes } from '../../src/stack/connect/with-nodes.ts';
import { up } from '../../src/stack/commands/up.ts';
import { canRun, runCommand } from './support/command.ts';
import { takeTurns } from './support/contest.ts';
import type { Bench } from './support/context.ts';
import { freePorts } from './support/free.ts';
import type { Row } from './support/rows.ts';
import { startService } from './support/service.ts';
import { clearStack, openSession, plainPorts, prepareStack } from './support/stacks.ts';

const CLIENTS = 50;
const REQUESTS = 50_000;
/** A node of the lowest slots has it. */
const KEY = keyBelow(5000);
/** It needs no password: none may be an argument. */
const USER = 'bench';

interface Figures {
  readonly perSecond: number;
  readonly p99Ms: number;
}

/** One node's published port, and the proxy before the same port: as much as 50 clients ask, one command at a time. */
export async function benchProxy(bench: Bench): Promise<Row[]> {
  if (!(await canRun(bench, ['redis-benchmark', '--version']))) {
    bench.note('proxy: redis-benchmark is not there: apt-get install redis-tools');
    return [];
  }
  const stack = await prepareStack(bench, 'bench-proxy');
  const session = await openSession(bench, stack);
  await up(session);
  await withNodes(session, async ({ all }) => {
    for (const link of all) await link.send('ACL', 'SETUSER', USER, 'on', 'nopass', '~*', '+get');
  });
  const [upstream = 0] = plainPorts(stack);
  const [port = 0] = await freePorts(1);
  const script = ['--import', 'tsx', 'scripts/bench/support/proxy-process.ts', String(port), String(upstream)];
  const proxy = await startService(
    bench,
    [process.execPath, ...script],
    {},
    (output) => /^listening$/m.exec(output)?.[0],
  );
  try {
    const { direct, proxied } = await takeTurns(
      bench,
      'proxy',
      { direct: () => load(bench, upstream), proxied: () => load(bench, port) },
      ({ perSecond, p99Ms }) => `${perSecond.toFixed(0)} /s, p99 ${p99Ms.toFixed(2)} ms`,
    );
    const row = (
      what: string,
      figure: (figures: Figures) => number,
    ): Pick<Row, 'part' | 'what' | 'ours' | 'other'> => ({
      part: 'proxy',
      what: `GET by ${CLIENTS} clients, ${what}`,
      ours: proxied.map(figure),
      other: direct.map(figure),
    });
    return [
      { ...row('a second', (one) => one.perSecond), unit: '/s', target: { type: 'at least times', factor: 0.5 } },
      { ...row('p99 at full load', (one) => one.p99Ms), target: { type: 'at most more', ms: 0.5 } },
    ];
  } finally {
    await proxy.stop();
    await clearStack(bench.engine, stack.spec.name);
  }
}

async function load(bench: Bench, port: number): Promise<Figures> {
  const options = ['-h', '127.0.0.1', '-p', String(port), '--user', USER, '-a', 'any', '--csv'];
  const size = ['-c', String(CLIENTS), '-P', '1', '-n', String(REQUESTS)];
  const text = await runCommand(bench, ['redis-benchmark', ...options, ...size, 'GET', KEY]);
  const [, perSecond, , , , , p99Ms] = (text.trim().split('\n').at(-1) ?? '')
    .split(',')
    .map((cell) => cell.replaceAll('"', ''));
  return { perSecond: Number(perSecond), p99Ms: Number(p99Ms) };
}

function keyBelow(slot: number): string {
  for (let index = 0; ; index += 1) if (keySlot(Buffer.from(`key:${index}`)) < slot) return `key:${index}`;
}
