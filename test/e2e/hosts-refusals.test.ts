/** What several hosts lack, and what is in the way on one of them: each is said with the host and the next command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnHosts();

/** A tar of no files. */
function emptyArchive(): Readable {
  return Readable.from([Buffer.alloc(1024)]);
}

interface SwarmNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly Spec: object;
  readonly Description: { readonly Hostname: string };
}

describe.skipIf(whyNot !== undefined)(`hosts that lack something${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    stack = await makeStackOn(hosts, 'abc');
    await hosts.at(0).loadImage();
  });
  afterAll(async () => {
    await stack.remove();
    await hosts.remove();
  });

  const failing = async (...args: readonly string[]): Promise<string> => {
    const ended = await hosts.program(stack, ...args).ended;
    expect(ended).toMatchObject({ exitCode: 1 });
    return ended.stdout + ended.stderr;
  };
  const expectNothing = async (): Promise<void> => {
    for (const { docker } of hosts.all) {
      expect(await docker.listContainers({ all: true })).toEqual([]);
      expect((await docker.listNetworks()).map(({ Name }) => Name)).not.toContain(`${stack.name}-net`);
    }
  };
  const swarmOf = ({ address }: OwnHost): object => ({ ListenAddr: `${address}:2377`, AdvertiseAddr: address });
  const join = async (index: number): Promise<void> => {
    const { JoinTokens } = (await hosts.at(0).docker.swarmInspect()) as { JoinTokens: { Worker: string } };
    const RemoteAddrs = [`${hosts.at(0).address}:2377`];
    await hosts.at(index).docker.swarmJoin({ ...swarmOf(hosts.at(index)), RemoteAddrs, JoinToken: JoinTokens.Worker });
  };
  const setAvailability = async (index: number, Availability: 'active' | 'drain'): Promise<string> => {
    const { docker } = hosts.at(0);
    const nodes = (await docker.listNodes()) as SwarmNode[];
    const node = nodes.find(({ Description }) => Description.Hostname === `host${index + 1}`);
    if (node === undefined) throw new Error(`host ${index} is not in the swarm`);
    await docker.getNode(node.ID).update({ version: node.Version.Index, ...node.Spec, Availability });
    return node.ID;
  };

  test('one in a swarm of its own, only workers, and one that takes no containers', async () => {
    for (const index of [0, 2]) await hosts.at(index).docker.swarmInit(swarmOf(hosts.at(index)));
    await join(1);
    expect(await failing('up')).toMatch(
      /the host c \(unix:.*\) is in another swarm than a; nothing was changed.*\n +→ docker -H \S+ swarm join-token manager .* after: docker swarm leave/,
    );
    await hosts.at(2).docker.swarmLeave({ force: true });
    await join(2);

    const workers = await makeStackOn({ ...hosts, all: hosts.all.slice(1) }, 'ababab');
    const { stderr } = await hosts.program(workers, 'up').ended;
    expect(stderr).toMatch(/none of the hosts is a manager of the swarm: .*\n +→ docker node promote NODE/);
    await workers.remove();

    const id = await setAvailability(1, 'drain');
    expect(await failing('plan')).toMatch(/the host b \(unix:.*\) is paused or drained in the swarm/);
    expect(await failing('up')).toContain(`docker -H ${hosts.at(0).host} node update --availability active ${id}`);
    await setAvailability(1, 'active');
    await expectNothing();
  });

  test('two images under one name, and an engine that refuses the connection', async () => {
    const { docker } = hosts.at(1);
    const [repo = '', tag = ''] = LOCAL_IMAGE.split(':');
    const made = await docker.importImage(emptyArchive(), { repo, tag });
    await once(made.resume(), 'end');
    expect(await failing('up')).toMatch(
      /redis-cluster-as-code:local is another image on b than on a; nothing was changed \[IMAGE_UNAVAILABLE\]\n +→ docker -H \S+ save redis-cluster-as-code:local \| docker -H \S+ load/,
    );
    await docker.getImage(LOCAL_IMAGE).remove();
    stack.edit((yaml) => yaml.replace(hosts.at(2).host, `tcp://${hosts.at(2).address}:2375`));
    expect(await failing('up')).toMatch(
      /the host c does not answer, and .* begins with all its hosts; nothing was changed \[ENGINE_UNREACHABLE\]/,
    );
    stack.edit((yaml) => yaml.replace(`tcp://${hosts.at(2).address}:2375`, hosts.at(2).host));
    await expectNothing();
  });

  test('a port that is taken on one host only', async () => {
    const port = stack.ports[2] ?? 0;
    const listen = `require('net').createServer().listen(${port}, '${hosts.at(1).address}', () => console.log('listens'))`;
    const [command, ...words] = [...hosts.at(1).launcher(), process.execPath, '-e', listen];
    const holder = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(holder.stdout, 'data');
      expect(await failing('up')).toMatch(
        new RegExp(
          `host port ${hosts.at(1).address}:${port}, which ${stack.container(2)} is to have, is held by a process on host b`,
        ),
      );
      await expectNothing();
    } finally {
      holder.kill();
    }
    await hosts.must(stack, 'up');
  });

  test('the only manager is away: nodes that run go on, and one that ended comes back with it', async () => {
    expect((await hosts.must(stack, 'up')).stderr).toContain('the swarm has one manager');
    await hosts.at(0).losePower();
    await hosts.at(1).docker.getContainer(stack.container(2)).kill();
    expect(await failing('up')).toMatch(
      /the host a does not answer, and none of the hosts that answer is a manager of the swarm: no container can start; .*\n +→ Start a, then: /,
    );
    await hosts.at(0).start();
    const { stderr } = await hosts.must(stack, 'up');
    expect(stderr).toContain(`start container ${stack.container(2)}`);
  });
});
