import { describe, expect, test } from 'vitest';
import { chooseHosts } from '../../../src/spec/host-rules.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import { ANNOUNCE_TEXT, HOSTS_TEXT, parsed, problemsOf, specOf, STACK_TEXT } from '../../helpers/builders.ts';

describe('nodes on several hosts', () => {
  test('each is published at the address of its host, and the bus is encrypted', () => {
    const { hosts, nodes, network, tls } = parsed(HOSTS_TEXT);
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

  test('without a swarm each node announces where its host publishes it', () => {
    const { nodes, network } = parsed(ANNOUNCE_TEXT);
    expect(network).toMatchObject({ driver: 'bridge', announce: 'host' });
    expect(nodes.map(({ announced }) => Object.values(announced).join(' '))).toEqual([
      '10.0.0.11 6379 6390 16379',
      '10.0.0.12 6379 6390 16379',
      '10.0.0.13 6379 6390 16379',
      '10.0.0.12 6380 6391 16380',
      '10.0.0.13 6380 6391 16380',
      '10.0.0.11 6380 6391 16380',
    ]);
    const others = [...parsed(HOSTS_TEXT).nodes, ...specOf().nodes];
    for (const { ip, announced } of others) expect(announced).toEqual({ ip, plain: 6379, tls: 6380, busPort: 16379 });
  });

  test('a host port is one node’s on its host, and may be another’s on the next', () => {
    const text = HOSTS_TEXT.replace('plain: 6380', 'plain: 6379');
    expect(problemsOf(text)).toBe('no problem');
    expect(problemsOf(text.replace('plain: 6384', 'plain: 6390'))).toBe(
      '15:51 redis.nodes.redis-6.ports.plain: host port 6390 of a is used twice: redis-1.tls has it too (give each its own)',
    );
  });

  test('what nodes need to announce their hosts, and what goes not with it', () => {
    const text = ANNOUNCE_TEXT.replace('10.0.0.12', '172.20.0.200').replace(', bus: 16379 }', ' }');
    expect(problemsOf(text)).toBe(
      [
        '5:38 hosts.b.address: 172.20.0.200 is inside 172.20.0.0/16: from their network, the nodes would not reach the host (take another network.subnet)',
        '10:42 redis.nodes.redis-1.ports: bus is missing: the other nodes reach it there (add bus: 16379, or another port)',
      ].join('\n'),
    );
    expect(problemsOf(ANNOUNCE_TEXT.replace('announce: host', 'announce: host, driver: overlay'))).toBe(
      '2:35 network.announce: on an overlay network the nodes reach each other at their own addresses (leave out announce or driver)',
    );
    expect(problemsOf(STACK_TEXT.replace('network:', 'network:\n  announce: host'))).toBe(
      '3:3 network.announce: announce: host is for nodes on several hosts (name them under hosts)',
    );
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
    // One that is to be emptied.
    expect(problemsOf(text.replaceAll('host: c', 'host: b'))).not.toContain('of the 3 primaries');
  });

  test('a node that comes to them goes where the fewest are, of what the rules allow', () => {
    const result = parseSpec(HOSTS_TEXT);
    if ('problems' in result) throw new Error(JSON.stringify(result.problems));
    const chosen = (names: readonly string[], hosts: readonly string[]): string[] =>
      [
        ...chooseHosts(
          result.spec,
          names.map((name) => ({ name })),
          hosts,
        ),
      ].map(([name, host]) => `${name} ${host}`);
    // With eight, redis-4 (b) begins as a primary; redis-7 is the replica of redis-3 (c), and redis-8 that of redis-4.
    expect(chosen(['redis-7', 'redis-8'], ['a', 'b', 'c'])).toEqual(['redis-7 a', 'redis-8 c']);
    expect(chosen(['redis-7', 'redis-8'], ['c', 'b', 'a'])).toEqual(['redis-7 b', 'redis-8 c']);
    expect(chosen(['redis-7', 'redis-8'], ['b', 'c'])).toEqual(['redis-7 b', 'redis-8 c']);
    // Where none is allowed, the check of the file is to say why.
    expect(chosen(['redis-7', 'redis-8'], ['b'])).toEqual(['redis-7 b', 'redis-8 b']);
  });

  test('what several hosts need and can not have, and what only one of them can have', () => {
    const text = HOSTS_TEXT.replace(', driver: overlay', '')
      .replace('replicas: 1', 'replicas: 1\n  bind: 0.0.0.0')
      .replace('10.0.0.13', '10.0.0.12')
      .replace('unix:///run/c.sock', 'ssh://me@a.example');
    expect(problemsOf(text)).toBe(
      [
        '2:1 network: nodes on several hosts have to reach each other (set driver: overlay, or announce: host)',
        "9:3 redis.bind: each node is published at its host's address (leave it out)",
        '6:8 hosts.c.engine: ssh://me@a.example is used twice: a has it too (give each its own)',
        '6:36 hosts.c.address: 10.0.0.12 is used twice: b has it too (give each its own)',
      ].join('\n'),
    );
    expect(problemsOf(HOSTS_TEXT.replace('name: dev\n', 'name: dev\naccess: names\n'))).toBe(
      '2:1 access: by its name, only one node of a host could be reached (leave it out, or set proxy)',
    );
    expect(problemsOf(HOSTS_TEXT.replace('unix:///run/c.sock', '/run/c.sock'))).toBe(
      '6:8 hosts.c.engine: must be like ssh://me@a.example or tcp://a.example:2376',
    );
  });

  test('what is secret comes from where several operators find the same', () => {
    const withSecrets = (secrets: string, more = ''): string =>
      problemsOf(HOSTS_TEXT.replace('{ shared: secrets }', secrets) + more);
    const folder = 'name a folder that all who operate it share with secrets.shared';
    for (const own of ['{}', '{ file: password }']) {
      expect(withSecrets(own)).toBe(
        `16:1 secrets: the password would be a file of one machine, and a stack on several hosts has several operators (${folder}, or set provider: vault)`,
      );
    }
    const vault = '{ provider: vault, path: redis-1 }';
    const ofOne = `tls: Vault has the password, and the certificate authority would be a file of one machine (${folder}, or set issuer: vault)`;
    expect(withSecrets(vault)).toContain(ofOne);
    expect(withSecrets(vault, 'tls: { plain: true }\n')).toContain(ofOne);
    for (const tls of [
      'enabled: false',
      'issuer: vault, role: redis-role',
      'issuer: files, ca: a, certificate: b, key: c',
    ]) {
      expect(withSecrets(vault, `tls: { ${tls} }\n`)).toBe('no problem');
    }
    expect(withSecrets('{ provider: vault, path: redis-1, shared: ../authority }')).toBe('no problem');
    expect(withSecrets('{ file: password, shared: secrets }')).toBe(
      '16:12 secrets.file: the password is in the folder that shared names (keep one of the two)',
    );
  });
});
