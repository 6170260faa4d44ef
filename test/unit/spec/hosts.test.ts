import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.ts';
import { HOSTS_TEXT, problemsOf } from '../../helpers/builders.ts';

describe('nodes on several hosts', () => {
  test('each is published at the address of its host, and the bus is encrypted', () => {
    const result = parseSpec(HOSTS_TEXT);
    if ('problems' in result) throw new Error(JSON.stringify(result.problems));
    const { hosts, nodes, network, tls } = result.spec;
    expect(hosts.map(({ name, engine }) => `${name} ${engine}`)).toEqual([
      'a ssh://me@a.example',
      'b tcp://b.example:2376',
      'c unix:///run/c.sock',
    ]);
    expect(network.driver).toBe('overlay');
    expect(tls.cluster).toBe(true);
    expect(nodes.map(({ name, host, bind }) => `${name} ${host} ${bind}`).slice(2, 4)).toEqual([
      'redis-3 c 10.0.0.13',
      'redis-4 b 10.0.0.12',
    ]);
  });

  test('all have a host of the file, or none has one', () => {
    const text = HOSTS_TEXT.replace('redis-2: { host: b, ', 'redis-2: { ').replace(
      'redis-3: { host: c',
      'redis-3: { host: d',
    );
    expect(problemsOf(text)).toBe(
      [
        '11:5 redis.nodes.redis-2: host is missing: all nodes have one, or none (one of a, b, c)',
        '12:16 redis.nodes.redis-3.host: there is no host d (known: a, b, c)',
      ].join('\n'),
    );
    const without = HOSTS_TEXT.replace(/hosts:\n(  .*\n){3}/, '').replaceAll(/host: [bc], /g, '');
    expect(problemsOf(without)).toBe(
      [
        '2:35 network.driver: an overlay network is for nodes on several hosts (name them under hosts)',
        '6:16 redis.nodes.redis-1.host: there is no host a (name it under hosts)',
        '11:16 redis.nodes.redis-6.host: there is no host a (name it under hosts)',
      ].join('\n'),
    );
  });

  test('no replica is on the host of its primary', () => {
    const text = HOSTS_TEXT.replace('redis-4: { host: b', 'redis-4: { host: a');
    expect(problemsOf(text)).toBe(
      '13:16 redis.nodes.redis-4.host: redis-4 is the replica of redis-1, and on the same host a: both would be lost at once (put one of them on another host)',
    );
  });

  test('of three hosts or more, none has a majority of the primaries', () => {
    const text = HOSTS_TEXT.replace('redis-2: { host: b', 'redis-2: { host: a');
    expect(problemsOf(text)).toBe(
      "11:16 redis.nodes.redis-2.host: a has 2 of the 3 primaries: without it the others can't agree on who takes over (put primaries, which come first, on other hosts)",
    );
    const onTwo = text
      .replace(/\n  c: .*/, '')
      .replaceAll('host: c', 'host: b')
      .replace('redis-5: { host: b', 'redis-5: { host: b');
    expect(problemsOf(onTwo)).not.toContain('of the 3 primaries');
  });

  test('what several hosts need, what they can not have yet, and what only one of them can have', () => {
    const text = HOSTS_TEXT.replace(', driver: overlay', '')
      .replace('name: dev\n', 'name: dev\naccess: proxy\n')
      .replace('replicas: 1', 'replicas: 1\n  bind: 0.0.0.0')
      .replace('10.0.0.13', '10.0.0.12')
      .replace('unix:///run/c.sock', 'ssh://me@a.example');
    expect(problemsOf(text)).toBe(
      [
        '3:1 network: nodes on several hosts need a network that reaches all of them (set driver: overlay)',
        '2:1 access: proxy is not possible with several hosts yet (leave it out)',
        "10:3 redis.bind: each node is published at its host's address (leave it out)",
        '7:8 hosts.c.engine: ssh://me@a.example is used twice: a has it too (give each its own)',
        '7:36 hosts.c.address: 10.0.0.12 is used twice: b has it too (give each its own)',
      ].join('\n'),
    );
    expect(problemsOf(HOSTS_TEXT.replace('unix:///run/c.sock', '/run/c.sock'))).toBe(
      '6:8 hosts.c.engine: must be like ssh://me@a.example or tcp://a.example:2376',
    );
  });
});
