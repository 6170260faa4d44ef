/** What somebody changed, by hand or in the YAML file: `plan` names it, `up` repairs it, and then there is nothing to do. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeByLabel, dockerOf, freePorts } from '../../test/helpers/test-stack.ts';
import { expectKeys, requireText, unenforcedIn } from './expect.ts';
import type { Step, Story } from './story.ts';

/** @param plan what it has to show of the change */
function drift(name: string, plan: RegExp, change: (story: Story) => Promise<unknown>): Step {
  return {
    name: `drift: ${name}`,
    tell: async (story) => {
      await change(story);
      requireText(await story.run('plan'), plan);
      await story.run('up');
      requireText(await story.run('plan'), /Nothing to do/);
      await expectKeys(story.stack);
    },
  };
}

const container = ({ stack }: Story, node: number): ReturnType<ReturnType<typeof dockerOf>['getContainer']> =>
  dockerOf(stack.engine).getContainer(stack.container(node));

const network = ({ stack }: Story): ReturnType<ReturnType<typeof dockerOf>['getNetwork']> =>
  dockerOf(stack.engine).getNetwork(`${stack.name}-net`);

const LIMITS = drift('a memory limit', /its memory limit is 100 MiB instead of 128 MiB/, async (story) => {
  const smaller = 100 * 1024 ** 2;
  await container(story, 1).update({ Memory: smaller, MemorySwap: smaller });
});

/** Where nobody can change it, there is nothing to find. */
async function tellOfLimits(story: Story): Promise<unknown> {
  const unenforced = unenforcedIn((await story.run('doctor')).stdout);
  if (unenforced !== undefined) return unenforced;
  const isUnable = await container(story, 1)
    .update({})
    .then(
      () => false,
      (error: { statusCode?: number }) => error.statusCode === 404,
    );
  return isUnable ? "can't change a container's limits: up recreates it" : LIMITS.tell(story);
}

export const DRIFT: readonly Step[] = [
  { ...LIMITS, tell: tellOfLimits },
  drift('a setting', /set maxmemory 67108864 on redis-4 .*changed by hand/, ({ stack }) =>
    stack.redis(4, 'CONFIG', 'SET', 'maxmemory', '1gb'),
  ),
  drift('CONFIG REWRITE', /write configuration redis-2 .*redis\.conf differs/, ({ stack }) =>
    stack.redis(2, 'CONFIG', 'REWRITE'),
  ),
  drift('off its network', /connect container .*redis-6/, (story) =>
    network(story).disconnect({ Container: story.stack.container(6) }),
  ),
  drift('another address', /its address is .*\.77 instead of/, async (story) => {
    const { stack } = story;
    const IPv4Address = stack.subnet.replace('.0/24', '.77');
    await network(story).disconnect({ Container: stack.container(5) });
    await network(story).connect({ Container: stack.container(5), EndpointConfig: { IPAMConfig: { IPv4Address } } });
  }),
  drift('another name', /it is to be called .*redis-3/, (story) =>
    container(story, 3).rename({ name: `${story.stack.name}-mine` }),
  ),
  drift('a container stopped', /start container .*redis-5/, (story) => container(story, 5).stop()),
  drift('a container and its volume removed', /create container .*redis-6 .*missing/, async (story) => {
    await container(story, 6).remove({ force: true });
    await dockerOf(story.stack.engine)
      .getVolume(`${story.stack.container(6)}-data`)
      .remove();
  }),
  drift('all containers and the network removed', /create network/, async (story) => {
    const { engine, name } = story.stack;
    // The volumes stay: the keys are there again.
    await removeByLabel({ ...engine, listVolumes: () => Promise.resolve([]) }, name);
  }),
  drift('limits in the YAML file', /set maxmemory 83886080 on /, ({ stack }) => {
    stack.edit((yaml) => yaml.replace('memory: 128mb', 'memory: 160mb').replace('maxmemory: 64mb', 'maxmemory: 80mb'));
    return Promise.resolve();
  }),
  drift('redis.conf', /tcp-keepalive 60|set tcp-keepalive/, ({ stack }) => {
    writeFileSync(join(stack.folder, 'redis.conf'), 'slowlog-max-len 100\ntcp-keepalive 60\n');
    return Promise.resolve();
  }),
  drift('a published port', /create container .*redis-1/, async ({ stack }) => {
    const [free = 0] = await freePorts(1);
    stack.edit((yaml) => yaml.replace(`plain: ${stack.ports[0]}`, `plain: ${free}`));
  }),
];
