import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Redis } from 'ioredis';
import { LABELS } from '../../src/plan/model/names.ts';
import { connectCluster, fill } from '../../test/helpers/cluster-client.ts';
import { startProgram } from '../../test/helpers/program.ts';
import { startSteadyWriters } from '../../test/helpers/steady-writer.ts';
import { dockerOf, freePorts, runMain, type TestStack } from '../../test/helpers/test-stack.ts';
import { expectKeys, KEYS, requireText, unenforcedIn } from './expect.ts';
import type { Step, Story } from './story.ts';

const WRITERS = 2;

/** While clients write: what was acknowledged is there afterwards. */
async function underLoad({ stack }: Story, work: () => Promise<unknown>): Promise<void> {
  const writers = await startSteadyWriters(stack, WRITERS);
  try {
    await work();
    const { acknowledged } = await writers.stop();
    const lost = await writers.findLost();
    if (acknowledged === 0 || lost.length > 0)
      throw new Error(`of ${acknowledged} writes ${lost.length} keys are lost`);
  } finally {
    await writers.stop();
    writers.close();
  }
}

/** Names of the nodes in this role. */
async function nodesThatAre(role: 'primary' | 'replica', { run }: Story): Promise<string[]> {
  const { stdout } = await run('cluster', 'nodes');
  return [...stdout.matchAll(new RegExp(`^(redis-\\d+) +${role}`, 'gm'))].map(([, name = '']) => name);
}

async function expectNothingLeft({ engine, name }: TestStack, but = /^$/): Promise<void> {
  const things = [await engine.listContainers(), await engine.listNetworks(), await engine.listVolumes()].flat();
  const left = things.filter((thing) => thing.labels[LABELS.stack] === name && !but.test(thing.name));
  if (left.length > 0) throw new Error(`still there: ${left.map((thing) => thing.name).join(' ')}`);
}

const UP: Step = {
  name: 'up from nothing',
  tell: async ({ run, image }) => requireText(await run('up'), RegExp(image)),
};
const AGAIN: Step = {
  name: 'up again: nothing to do',
  tell: async ({ run }) => requireText(await run('up'), /nothing to do/),
};
const WRITE: Step = {
  name: 'keys written',
  tell: async ({ stack }) => {
    const client = await connectCluster(stack);
    await fill(client, KEYS).finally(() => client.disconnect());
    await expectKeys(stack);
  },
};
const KILL: Step = {
  name: 'a node killed, and up',
  tell: async ({ stack, run }) => {
    await dockerOf(stack.engine).getContainer(stack.container(2)).kill();
    await run('up');
    await run('cluster', 'check');
    await expectKeys(stack);
  },
};
const RESTORE: Step = {
  name: 'backup, and restore over it',
  tell: async ({ stack, run }) => {
    const folder = join(stack.folder, 'backup-of-itself');
    await run('cluster', 'backup', folder);
    await stack.redis(1, 'FLUSHALL');
    await run('cluster', 'restore', folder, '--replace');
    await expectKeys(stack);
  },
};
const DOCTOR: Step = {
  name: 'doctor',
  tell: async ({ run }) => unenforcedIn((await run('doctor')).stdout),
};
const DOWN_WITH_DATA: Step = {
  name: 'down --volumes',
  tell: async ({ stack, run }) => {
    await run('down', '--volumes', '--yes');
    await expectNothingLeft(stack);
  },
};
const DOWN: Step = {
  name: 'down',
  tell: async (story) => {
    await story.run('down');
    await expectNothingLeft(story.stack, /-data$/);
    await story.run('up');
    await expectKeys(story.stack);
    await DOWN_WITH_DATA.tell(story);
  },
};

export const SHORT: readonly Step[] = [UP, AGAIN, WRITE, KILL, RESTORE, DOCTOR, DOWN_WITH_DATA];
export const START: readonly Step[] = [
  UP,
  AGAIN,
  { name: 'plan: nothing to do', tell: async ({ run }) => requireText(await run('plan'), /Nothing to do/) },
  WRITE,
  KILL,
];

export const OPERATIONS: readonly Step[] = [
  {
    name: 'restart',
    tell: async ({ stack, run }) => {
      await run('restart');
      await expectKeys(stack);
    },
  },
  {
    name: 'rolling restart of 3+3 under load',
    tell: (story) => underLoad(story, () => story.run('restart', '--rolling')),
  },
  {
    name: 'reshard under load',
    tell: async (story) => {
      const [to = ''] = await nodesThatAre('primary', story);
      await underLoad(story, async () => {
        await story.run('cluster', 'reshard', '--from', 'all', '--to', to, '--slots', '500');
        await story.run('cluster', 'rebalance');
      });
      await expectKeys(story.stack);
    },
  },
  {
    name: 'failover under load',
    tell: async (story) => {
      const [replica = ''] = await nodesThatAre('replica', story);
      await underLoad(story, () => story.run('cluster', 'failover', replica));
    },
  },
  {
    name: 'password rotated under load',
    tell: async (story) => {
      await underLoad(story, () => story.run('secrets', 'rotate'));
      await expectKeys(story.stack);
    },
  },
  {
    name: 'TLS with verification',
    tell: async ({ stack }) => {
      await expectKeys(stack, 'tls');
      const stranger = new Redis({ port: stack.ports[1] ?? 0, tls: {}, retryStrategy: () => null });
      const refused = await once(stranger, 'ready').then(
        () => undefined,
        (error: unknown) => String(error),
      );
      stranger.disconnect();
      if (refused === undefined || !/certificate/.test(refused)) throw new Error(`an unknown authority: ${refused}`);
    },
  },
  {
    name: 'certificates of a new authority',
    tell: async ({ stack, run }) => {
      const { stdout } = await run('env', '--format', 'json');
      const { REDIS_TLS_CA_FILE: ca = '' } = JSON.parse(stdout) as Record<string, string>;
      rmSync(dirname(ca), { recursive: true });
      requireText(await run('up'), /✓ renew certificate redis-6/);
      await expectKeys(stack, 'tls');
    },
  },
  {
    name: 'backup, and restore into another cluster',
    tell: async ({ stack, other, run, runOn }) => {
      const folder = join(stack.folder, 'backup');
      await run('cluster', 'backup', folder);
      await runOn(other, 'up');
      await runOn(other, 'cluster', 'restore', folder);
      await expectKeys(other);
    },
  },
  {
    name: 'add-node and remove-node',
    tell: async ({ other, runOn }) => {
      const [plain, tls, bus] = (await freePorts(3)).map(String);
      const ports = ['--port', plain ?? '', '--tls-port', tls ?? '', '--bus-port', bus ?? ''];
      await runOn(other, 'cluster', 'add-node', 'redis-4', ...ports);
      await runOn(other, 'cluster', 'check');
      await runOn(other, 'cluster', 'remove-node', 'redis-4');
      await runOn(other, 'cluster', 'check');
      await expectKeys(other);
    },
  },
  {
    name: 'serve',
    tell: async ({ stack }) => {
      const { child, ended } = startProgram(stack, ['serve', '--port', '0']);
      try {
        let said = '';
        const url = await new Promise<string>((resolve, reject) => {
          const read = (chunk: Buffer): void => {
            said += chunk.toString();
            const found = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
            if (found !== undefined) resolve(found);
          };
          child.stdout?.on('data', read);
          child.stderr?.on('data', read);
          child.once('exit', () => reject(new Error(`it ended: ${said}`)));
        });
        for (const path of ['/', '/readyz', '/redis-cluster/info', '/redis-cluster/nodes', '/metrics']) {
          const { status } = await fetch(`${url}${path}`);
          if (status !== 200) throw new Error(`GET ${path}: ${status}`);
        }
      } finally {
        child.kill('SIGINT');
        await ended;
      }
    },
  },
];

export const LAST: readonly Step[] = [
  DOCTOR,
  DOWN,
  {
    name: 'down by label',
    tell: async ({ other }) => {
      const { stdout, stderr, exitCode } = await runMain(
        ['down', '--name', other.name, '--volumes', '--yes'],
        other.env,
      );
      if (exitCode !== 0) throw new Error(`${stdout}${stderr}`);
      await expectNothingLeft(other);
    },
  },
];
