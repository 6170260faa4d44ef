import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseNodeTable } from '../../../src/cluster/node-table.ts';
import { isPhantom, phantomId } from '../../../src/cluster/bootstrap-table.ts';
import { initialNodeId } from '../../../src/plan/names.ts';
import { initialNodeTable, redisConf, secretConf } from '../../../src/plan/redis-config.ts';
import { at, specOf } from '../../helpers/builders.ts';

describe('redisConf', () => {
  test('is what the YAML file says, the user’s own file read first', () => {
    const spec = specOf();
    expect(redisConf(spec, at(spec.nodes, 0))).toMatchInlineSnapshot(`
      "# Written by manage.ts from the YAML file. The next \`up\` writes it anew.
      include /etc/redis/user.conf
      include /etc/redis/secret.conf
      port 6379
      dir /data
      maxmemory 268435456
      maxmemory-policy allkeys-lru
      appendonly yes
      appendfsync everysec
      cluster-enabled yes
      cluster-config-file nodes.conf
      cluster-node-timeout 5000
      cluster-require-full-coverage no
      # Without it a node whose address changed can stay lost after a full restart.
      cluster-announce-ip 172.20.0.11
      # A primary that gives away its last slot stays a primary.
      cluster-allow-replica-migration no
      # A fresh replica has its copy about four seconds sooner.
      repl-diskless-sync-delay 0
      # The container's health check: no password, and nothing to see with it.
      user health on nopass resetkeys resetchannels -@all +ping +cluster|info
      "
    `);
  });

  test('follows what the YAML file changes', () => {
    const spec = specOf({
      redis: {
        maxmemory: '1mb',
        maxmemoryPolicy: 'noeviction',
        persistence: { appendonly: false, appendfsync: 'always' },
        nodeTimeoutMs: 1500,
        requireFullCoverage: true,
      },
    });
    const lines = redisConf(spec, at(spec.nodes, 1)).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'maxmemory 1048576',
        'maxmemory-policy noeviction',
        'appendonly no',
        'appendfsync always',
        'cluster-node-timeout 1500',
        'cluster-require-full-coverage yes',
        'cluster-announce-ip 172.20.0.12',
      ]),
    );
  });

  test('holds no password: that stands in a file of its own', () => {
    const spec = specOf();
    expect(redisConf(spec, at(spec.nodes, 0))).not.toMatch(/^(requirepass|masterauth)/m);
    expect(redisConf(spec, at(spec.nodes, 0))).toContain('include /etc/redis/secret.conf\n');
  });
});

describe('secretConf', () => {
  test('gives clients and nodes the same password', () => {
    expect(secretConf('hunter-2_.')).toBe('requirepass "hunter-2_."\nmasterauth "hunter-2_."\n');
  });

  test('escapes whatever a Redis configuration file could misread', () => {
    expect(secretConf('a "b"\n#c\\é')).toContain(String.raw`requirepass "a\x20\x22b\x22\x0a\x23c\x5c\xc3\xa9"`);
  });

  /** A quoted string as Redis reads it (sdssplitargs): \xHH is a byte. */
  function unquoted(text: string): string {
    const bytes = [...text.matchAll(/\\x([0-9a-f]{2})|([^\\])/g)].map(([, hex, plain]) =>
      hex === undefined ? (plain ?? '').charCodeAt(0) : Number.parseInt(hex, 16),
    );
    return Buffer.from(bytes).toString('utf8');
  }

  test('any password comes through, and never as a quote, a line break or a space of its own', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (password) => {
        const match = /^requirepass "([^"\s#]*)"\nmasterauth "([^"\s#]*)"\n$/.exec(secretConf(password));
        expect(match).not.toBeNull();
        expect(unquoted(match?.[1] ?? '')).toBe(password);
        expect(match?.[2]).toBe(match?.[1]);
      }),
    );
  });
});

describe('initialNodeTable', () => {
  test('a primary and its replica begin under the same phantom, each with its own id', () => {
    const spec = specOf({ replicas: 1 });
    const primary = parseNodeTable(initialNodeTable(spec, at(spec.nodes, 1)));
    const replica = parseNodeTable(initialNodeTable(spec, at(spec.nodes, 4)));
    expect(primary.myself).toMatchObject({ id: initialNodeId('dev', 'redis-2'), primaryId: phantomId(1) });
    expect(replica.myself).toMatchObject({ id: initialNodeId('dev', 'redis-5'), primaryId: phantomId(1) });
    expect(replica.myself).toMatchObject({ ip: '172.20.0.15', port: 6379, busPort: 16379 });
  });

  test('all nodes of a cluster begin with the same members, however often it is asked', () => {
    const spec = specOf({ primaries: 4, replicas: 2 });
    const tables = spec.nodes.map((node) =>
      parseNodeTable(initialNodeTable(spec, node))
        .rows.map(({ id, ip, primaryId }) => `${id} ${ip} ${primaryId ?? '-'}`)
        .join('\n'),
    );
    expect(new Set(tables).size).toBe(1);
    expect(initialNodeTable(spec, at(spec.nodes, 0))).toBe(initialNodeTable(spec, at(spec.nodes, 0)));
    expect(
      parseNodeTable(initialNodeTable(spec, at(spec.nodes, 0))).rows.filter(({ id }) => isPhantom(id)),
    ).toHaveLength(4);
  });
});

test('ids of nodes are 40 hexadecimal digits, and differ by stack and by node', () => {
  const ids = [initialNodeId('dev', 'redis-1'), initialNodeId('dev', 'redis-2'), initialNodeId('test', 'redis-1')];
  expect(ids.every((id) => /^[0-9a-f]{40}$/.test(id))).toBe(true);
  expect(new Set(ids).size).toBe(3);
});
