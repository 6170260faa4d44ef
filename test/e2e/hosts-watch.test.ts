/** Several hosts that lose their power, one and all of them: what `up --watch` brings back, and what a plain `up` does. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import type { Program } from '../helpers/program.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnHosts();

describe.skipIf(whyNot !== undefined)(`hosts without power${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  let watch: Program | undefined;
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    await hosts.joinSwarm(3);
    stack = await makeStackOn(hosts, 'abc');
    await hosts.at(0).loadImage();
  });
  afterAll(async () => {
    watch?.child.kill('SIGKILL');
    await stack.remove();
    await hosts.remove();
  });

  const redis = async (...args: readonly string[]): Promise<string> =>
    (await hosts.must(stack, 'redis-cli', '--', ...args)).stdout.trim();
  /** What the service prints from now on. */
  const fromNow = (): ((pattern: RegExp) => Promise<void>) & { text: () => string } => {
    const printed = watch?.printed ?? (() => '');
    const before = printed().length;
    const text = (): string => printed().slice(before);
    const prints = (pattern: RegExp): Promise<void> => expect.poll(text, { timeout: 270_000 }).toMatch(pattern);
    return Object.assign(prints, { text });
  };
  const offAndOn = async (these: readonly OwnHost[]): Promise<void> => {
    await Promise.all(these.map((one) => one.losePower()));
    await Promise.all(these.map((one) => one.start()));
  };

  test('nodes that could not fit into the memory of their host are refused before anything is made', async () => {
    stack.edit((yaml) => yaml.replace('memory: 128mb\n  maxmemory: 64mb', 'memory: 90000gb\n  maxmemory: 45000gb'));
    const { exitCode, stderr } = await hosts.program(stack, 'up').ended;
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
    expect(stderr).toMatch(/the host a has .* of memory, and redis-1 may fill 43\.9 TiB/);
    stack.edit((yaml) => yaml.replace('memory: 90000gb\n  maxmemory: 45000gb', 'memory: 128mb\n  maxmemory: 64mb'));
  });

  test('a service keeps the cluster up: a container that ends, and a host that loses its power', async () => {
    watch = hosts.program(stack, 'up', '--watch');
    await fromNow()(/keeps .* up/);
    expect(await redis('SET', 'user:1000', 'value')).toBe('OK');
    const killed = fromNow();
    await hosts.at(1).docker.getContainer(stack.container(2)).kill();
    await killed(/✓ start container \S+-redis-2 [^]*cluster: whole again/);
    const away = fromNow();
    await hosts.at(2).losePower();
    await away(/! hosts: the host c does not answer\n/);
    await hosts.at(2).start();
    await away(/cluster: whole again/);
    expect(away.text().match(/does not answer\n/g)).toHaveLength(1);
    expect(await redis('GET', 'user:1000')).toBe('value');
  });

  test('what a person takes down stays down; SIGTERM ends the service', async () => {
    const down = fromNow();
    await hosts.must(stack, 'down');
    await down(/was taken down; waits until somebody brings it up again/);
    await hosts.must(stack, 'up');
    await down(/cluster: whole again/);
    expect(down.text()).not.toContain(' container ');
    watch?.child.kill('SIGTERM');
    expect(await watch?.ended).toMatchObject({ exitCode: 0 });
  });

  test('all hosts lose their power, and no container is started by its engine: a plain up brings all back', async () => {
    for (const [index, { docker }] of hosts.all.entries()) {
      await docker.getContainer(stack.container(index + 1)).update({ RestartPolicy: { Name: 'no' } });
    }
    await offAndOn(hosts.all);
    const { stderr } = await hosts.must(stack, 'up');
    expect(stderr.match(/✓ start container/g)).toHaveLength(3);
    expect(await redis('GET', 'user:1000')).toBe('value');
  });

  test('the same under the eyes of the service', async () => {
    watch = hosts.program(stack, 'up', '--watch');
    await fromNow()(/keeps .* up/);
    const dark = fromNow();
    await Promise.all(hosts.all.map((one) => one.losePower()));
    await dark(/does not answer.*\[ENGINE_UNREACHABLE\]/);
    await Promise.all(hosts.all.map((one) => one.start()));
    await dark(/cluster: whole again/);
    expect(await redis('GET', 'user:1000')).toBe('value');
    watch.child.kill('SIGTERM');
    expect(await watch.ended).toMatchObject({ exitCode: 0 });
  });
});
