/** Isolated clusters of the packed library: many at once in several processes, and owners that are killed at any moment. */
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LABELS } from '../../src/plan/model/names.ts';
import { installPackage, type Project } from '../helpers/package.ts';
import { median } from '../helpers/figures.ts';
import { record, rounds } from '../helpers/reliability-record.ts';
import { testEngine } from '../helpers/test-stack.ts';
import type { Engine } from '../../src/engine/engine.ts';

const HOUR_MS = 3_600_000;
const PROCESSES = 8;
const CLUSTERS_EACH = 4;
const LONGEST_LIFE_MS = 3000;

let project: Project;
let engine: Engine;
beforeAll(async () => {
  [project, engine] = await Promise.all([installPackage(), testEngine()]);
  writeFileSync(
    join(project.folder, 'many.js'),
    `const { RedisCluster } = require('redis-cluster-as-code');
    Promise.allSettled(Array.from({ length: Number(process.argv[2]) }, () => RedisCluster.start({ timeoutMs: 600_000 }))).then(async (all) => {
      for (const one of all) console.log(one.status === 'fulfilled' ? 'runs ' + one.value.name : 'failed ' + one.reason);
      process.stdin.once('data', async () => {
        await Promise.all(all.map((one) => one.value?.stop()));
        process.exit();
      });
    });`,
  );
});
afterAll(() => project.remove());

const env = (): NodeJS.ProcessEnv => ({ XDG_STATE_HOME: join(project.folder, 'state'), REDIS_CLUSTER_OWNER_PID: '' });

/** Of all isolated clusters on this engine. */
async function things(): Promise<string[]> {
  const all = [await engine.listContainers(), await engine.listNetworks(), await engine.listVolumes()].flat();
  return all.filter(({ labels }) => labels[LABELS.stack]?.startsWith('test-') === true).map(({ name }) => name);
}

test('32 at once from 8 processes', { timeout: HOUR_MS }, async () => {
  const startedAt = performance.now();
  const children = Array.from({ length: PROCESSES }, () =>
    project.start(`exec ${process.execPath} many.js ${CLUSTERS_EACH}`, { env: env(), stdin: 'pipe' }),
  );
  const lines: string[] = [];
  for (const child of children) child.stdout?.on('data', (chunk) => lines.push(...String(chunk).trim().split('\n')));
  await expect.poll(() => lines, { timeout: HOUR_MS / 4 }).toHaveLength(PROCESSES * CLUSTERS_EACH);
  const elapsedMs = performance.now() - startedAt;
  const running = lines.filter((line) => line.startsWith('runs '));
  expect(lines.filter((line) => !line.startsWith('runs '))).toEqual([]);
  await Promise.all(
    children.map(async (child) => {
      child.stdin?.write('end\n');
      await once(child, 'exit');
    }),
  );
  expect(await things()).toEqual([]);
  record('32 isolated clusters at once', { processes: PROCESSES, running: running.length, allAfterMs: elapsedMs });
});

test('an owner that is killed at any moment leaves nothing', { timeout: HOUR_MS }, async () => {
  const all = rounds(50);
  const goneAfterMs: number[] = [];
  let duringStart = 0;
  for (let round = 0; round < all; round += 1) {
    const child = project.start(`exec ${process.execPath} many.js 1`, { env: env(), stdin: 'pipe' });
    let hasStarted = false;
    child.stdout?.on('data', () => (hasStarted = true));
    await sleep(Math.random() * LONGEST_LIFE_MS);
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (!hasStarted) duringStart += 1;
    const killedAt = performance.now();
    // Before it had somebody beside it: the next start of anybody, here a command.
    await project.run('npx redis-cluster run -- true', { env: env() });
    await expect.poll(things, { timeout: 60_000 }).toEqual([]);
    goneAfterMs.push(performance.now() - killedAt);
  }
  record('owners of isolated clusters killed', { rounds: all, duringStart, goneAfterMedianMs: median(goneAfterMs) });
});
