import autocannon from 'autocannon';
import { canRun, runCommand } from './command.ts';
import type { Bench } from './context.ts';

const CONNECTIONS = 10;

export interface LoadResult {
  readonly requestsPerSecond: number;
  readonly p99Ms: number;
}

/** As many requests as the service takes, one after the other on each of ten connections. @throws Error on any but 2xx */
export type Load = (url: string, seconds: number) => Promise<LoadResult>;

/**
 * wrk where it is installed. autocannon, which `npm ci` brings, takes more of a core for a request than our service does:
 * with it the service waits for the load, and what is measured is the least that it can do.
 */
export async function findLoad(bench: Bench): Promise<Load> {
  if (await canRun(bench, ['sh', '-c', 'command -v wrk'])) return (url, seconds) => loadWithWrk(bench, url, seconds);
  bench.note('wrk is not there; the load is by autocannon, which is slower than our service: apt-get install wrk');
  return loadWithAutocannon;
}

async function loadWithWrk(bench: Bench, url: string, seconds: number): Promise<LoadResult> {
  const options = ['--threads', '1', '--connections', String(CONNECTIONS), '--duration', `${seconds}s`, '--latency'];
  const text = await runCommand(bench, ['wrk', ...options, url]);
  if (/Non-2xx|Socket errors/.test(text)) throw new Error(`${url}: ${text}`);
  const [, p99 = '', unit = ''] = /^\s+99%\s+([\d.]+)(us|ms|s)$/m.exec(text) ?? [];
  const msPerUnit = { us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN;
  return {
    requestsPerSecond: Number(/^Requests\/sec:\s+([\d.]+)$/m.exec(text)?.[1]),
    p99Ms: Number(p99) * msPerUnit,
  };
}

async function loadWithAutocannon(url: string, seconds: number): Promise<LoadResult> {
  const times: number[] = [];
  const start = performance.now();
  const { errors, timeouts, non2xx } = await new Promise<autocannon.Result>((resolve, reject) => {
    const run = autocannon({ url, connections: CONNECTIONS, duration: seconds }, (error: unknown, result) => {
      if (error instanceof Error) reject(error);
      else resolve(result);
    });
    // Its own histogram knows whole milliseconds only.
    run.on('response', (_client, _status, _bytes, responseMs) => void times.push(responseMs));
  });
  const tookSeconds = (performance.now() - start) / 1000;
  if (errors + timeouts + non2xx > 0 || times.length === 0) {
    throw new Error(
      `${url}: ${times.length} answers, ${non2xx} of them refusals; ${errors} errors, ${timeouts} timeouts`,
    );
  }
  const sorted = Float64Array.from(times).toSorted();
  return {
    requestsPerSecond: times.length / tookSeconds,
    p99Ms: sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN,
  };
}
