import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { checkRedisConf } from '../../../src/spec/redis-conf.ts';

describe("a user's redis.conf", () => {
  test('says nothing of TLS and of users: the YAML file and this program do', () => {
    expect(checkRedisConf('tls-protocols TLSv1.3\n\taclfile /etc/users.acl\n')).toEqual([
      {
        line: 1,
        column: 1,
        message: "'tls-protocols' can't be set in this file",
        hint: 'set tls in the YAML file',
      },
      {
        line: 2,
        column: 2,
        message: "'aclfile' can't be set in this file",
        hint: expect.stringContaining('users default and health'),
      },
    ]);
  });

  test('the one that is shipped is fine', async () => {
    const text = await readFile(new URL('../../../infra/redis/redis.conf', import.meta.url), 'utf8');
    expect(checkRedisConf(text)).toEqual([]);
  });

  test('directives of this program are named with their place and where to set them instead', () => {
    const hostname = 'cluster-announce-hostname here';
    const text = `# mine\ntcp-keepalive 60\n\n  maxmemory 1gb\nPORT 7000\r\ncluster-announce-ip 10.0.0.1\n${hostname}\n`;
    expect(checkRedisConf(text)).toEqual([
      {
        line: 4,
        column: 3,
        message: "'maxmemory' can't be set in this file",
        hint: 'set redis.maxmemory in the YAML file',
      },
      {
        line: 5,
        column: 1,
        message: "'port' can't be set in this file",
        hint: 'the port inside is always 6379; set redis.nodes.<node>.ports for the host',
      },
      {
        line: 6,
        column: 1,
        message: "'cluster-announce-ip' can't be set in this file",
        hint: 'this program decides how the nodes form the cluster',
      },
      {
        line: 7,
        column: 1,
        message: "'cluster-announce-hostname' can't be set in this file",
        hint: 'set access: names in the YAML file, and every node announces its name',
      },
    ]);
  });

  test.each([
    'requirepass hunter2',
    'masterauth hunter2',
    'include /tmp/other.conf',
    'aclfile /etc/users.acl',
    'dir /tmp',
    'appendonly no',
    'cluster-enabled no',
    'cluster-config-file other.conf',
    'cluster-announce-hostname here',
    'replicaof 10.0.0.1 6379',
    'rename-command CONFIG ""',
    'user default on nopass ~* +@all',
    'user health on nopass +@all',
    'masteruser replica',
    'tls-port 6380',
    'tls-cert-file /tmp/node.crt',
    'TLS-Auth-Clients optional',
    'cluster-port 16380',
    'appendfilename other.aof',
    'min-replicas-to-write 1',
    'min-slaves-to-write 1',
    'cluster-preferred-endpoint-type hostname',
    'slave-announce-ip 10.0.0.1',
    'bind-source-addr 10.0.0.1',
    'cluster-databases 16',
    '"port" 7000',
    "po'rt' 7000",
  ])('refuses: %s', (line) => {
    expect(checkRedisConf(line)).toHaveLength(1);
  });

  test.each([
    '',
    '# maxmemory 1gb',
    'maxmemory-samples 5',
    'maxmemory-clients 10%',
    'timeout 0',
    'save 60 1000',
    'loglevel verbose',
    'constructor 1',
    'cluster-migration-barrier 1',
    'min-replicas-max-lag 5',
    'replica-serve-stale-data no',
    '\t# a\u00A0comment',
    'proc-title-template "{title} é"\r',
  ])('lets pass: %s', (line) => {
    expect(checkRedisConf(line)).toEqual([]);
  });

  test.each([
    ['tcp-keepalive\u00A060', 14, 'U+00A0'],
    ['\u3000tcp-keepalive 60', 1, 'U+3000'],
    ['tcp-keepalive 60\uFEFF', 17, 'U+FEFF'],
    ['tcp-keepalive 60\u200B', 17, 'U+200B'],
    ['tcp-keepalive 60\u2028timeout 5', 17, 'U+2028'],
    ['tcp-keepalive 60\u0085', 17, 'U+0085'],
    ['tcp-keepalive 60\rtimeout 5', 17, 'U+000D'],
    ['# a comment\rport 7000', 12, 'U+000D'],
    ['# a comment\0', 12, 'U+0000'],
  ])('says where something stands that people and Redis read in two ways: %j', (line, column, character) => {
    expect(checkRedisConf(`# first\r\n${line}\n`)).toEqual([
      { line: 2, column, message: expect.stringContaining(character), hint: expect.any(String) },
    ]);
  });
});
