/** Three hosts with 3 + 3 nodes under writes: one loses its power, the wire to one is cut. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startCountedWriter, type CountedWriter } from '../helpers/counted-writer.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnHosts } from '../helpers/own-engine.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const whyNot = whyNoOwnHosts();
/** Keys of the first, the second and the third shard. */
const [FIRST, SECOND, THIRD] = ['user:1000', 'user:2000', 'user:3000'] as const;
/** What a machine under load may take; nobody is promised it. */
const GENEROUS_MS = 90_000;

describe.skipIf(whyNot !== undefined)(`three hosts that fail${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  let hosts: OwnHosts;
  let stack: TestStack;
  const writers: CountedWriter[] = [];
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    stack = await makeStackOn(hosts, 'abcbca');
    await Promise.all([hosts.joinSwarm(3), ...hosts.all.map((one) => one.loadImage())]);
    await hosts.must(stack, 'up');
  });
  afterAll(async () => {
    for (const writer of writers) writer.kill();
    await stack.remove();
    await hosts.remove();
  });

  const startWriter = async (place: Pick<OwnHosts, 'launcher'>): Promise<CountedWriter> => {
    const { stdout } = await hosts.must(stack, 'env', '--map', '--format', 'json', '--reveal');
    const writer = await startCountedWriter(place.launcher(), JSON.parse(stdout) as Record<string, string>);
    writers.push(writer);
    return writer;
  };
  const eventually = (look: () => unknown): ReturnType<typeof expect.poll> =>
    expect.poll(look, { timeout: GENEROUS_MS, interval: 100 });
  const allCount = async (writer: CountedWriter): Promise<void> => {
    const before = [FIRST, SECOND, THIRD].map((tag) => writer.of(tag).counted);
    await eventually(() =>
      [FIRST, SECOND, THIRD].every((tag, index) => writer.of(tag).counted > (before[index] ?? 0)),
    ).toBe(true);
  };
  /** The shard's primary has gone: how long until writes to it are answered again. */
  const takeover = async (writer: CountedWriter, tag: string): Promise<number> => {
    const { acknowledged } = writer.of(tag);
    await eventually(() => writer.of(tag).silentMs > 1000 || writer.of(tag).longestMs > 1000).toBe(true);
    await eventually(() => writer.of(tag).acknowledged > acknowledged + 1 && writer.of(tag).silentMs < 1000).toBe(true);
    return writer.of(tag).longestMs;
  };

  /** Of three primaries two may be on one host after a failover. */
  const expectSound = async (): Promise<void> => {
    for (let tries = 0; tries < 3; tries += 1) {
      const { stdout } = await hosts.program(stack, 'cluster', 'check').ended;
      const back = /cluster failover (redis-\d)/.exec(stdout)?.[1];
      if (back === undefined) break;
      await hosts.must(stack, 'cluster', 'failover', back);
    }
    expect((await hosts.must(stack, 'cluster', 'check')).stdout).toContain('6 nodes, no findings');
  };

  test('one loses its power: the others go on, and nothing that a replica had is lost', async () => {
    const writer = await startWriter(hosts);
    await allCount(writer);
    await hosts.at(2).losePower();
    const silence = (tag: string): number => writer.of(tag).silentMs;
    // Before anybody has taken over the others go on.
    await eventually(() => Math.max(silence(FIRST), silence(SECOND)) < silence(THIRD) - 2000).toBe(true);
    const ms = await takeover(writer, THIRD);
    console.log(`host lost: its shard took writes again after ${(ms / 1000).toFixed(1)} s`);
    const without = await hosts.program(stack, 'up').ended;
    expect(without).toMatchObject({ exitCode: 1 });
    expect(without.stderr).toMatch(/the host c does not answer: redis-3 and redis-5 are left as they are/);

    await hosts.at(2).start();
    await hosts.must(stack, 'up');
    await allCount(writer);
    const { shards, lost } = await writer.finish();
    console.log(JSON.stringify(shards));
    expect(lost).toEqual([]);
    for (const tag of [FIRST, SECOND])
      expect(shards[tag]?.longestMs).toBeLessThan((shards[THIRD]?.longestMs ?? 0) - 2000);
    await expectSound();
  });

  test('the wire to one is cut: its primary stops taking writes, the others go on, and all agree afterwards', async () => {
    const writer = await startWriter(hosts);
    const inside = await startWriter(hosts.at(2));
    await Promise.all([allCount(writer), eventually(() => inside.of(THIRD).counted).toBeGreaterThan(20)]);
    hosts.at(2).setLink('down');
    const at = performance.now();
    const up = hosts.program(stack, 'up').ended;
    await eventually(() => inside.of(THIRD).refused).toBeGreaterThan(0);
    console.log(
      `wire cut: the primary behind it refuses writes after ${((performance.now() - at) / 1000).toFixed(1)} s`,
    );
    console.log(`wire cut: its shard took writes again after ${((await takeover(writer, THIRD)) / 1000).toFixed(1)} s`);
    const { acknowledged } = inside.of(THIRD);
    expect((await up).exitCode).toBe(1);
    for (const pair of [/host b .* does not get through to host c/, /host c .* does not get through to host a/]) {
      expect((await up).stderr).toMatch(pair);
    }
    // It asks for no longer than 10 s, and an engine that is looking for its leader takes 20 for its networks.
    await eventually(async () => (await hosts.program(stack, 'doctor').ended).stdout).toMatch(
      /✗ hosts +on the network .*, host a .* does not get through to host c/,
    );
    expect((await up).stderr).toContain('Open 7946/tcp, 7946/udp and 4789/udp between these hosts');
    expect(inside.of(THIRD).acknowledged).toBe(acknowledged);

    hosts.at(2).setLink('up');
    await Promise.all([allCount(writer), allCount(inside)]);
    await hosts.must(stack, 'up');
    for (const { shards, lost } of await Promise.all([writer.finish(), inside.finish()])) {
      console.log(JSON.stringify(shards));
      expect(lost).toEqual([]);
    }
    await expectSound();
  });
});
