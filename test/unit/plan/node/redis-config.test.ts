import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseNodeTable } from '../../../../src/cluster/nodes/node-table.ts';
import { isPhantom, phantomId } from '../../../../src/cluster/nodes/bootstrap-table.ts';
import { initialNodeId } from '../../../../src/plan/model/names.ts';
import {
  initialNodeTable,
  passwordHash,
  redisConf,
  secretConf,
  usersAcl,
} from '../../../../src/plan/node/redis-config.ts';
import { at, specOf, type Shape } from '../../../helpers/builders.ts';

function linesOf(shape: Shape = {}): string[] {
  const spec = specOf(shape);
  return redisConf(spec, at(spec.nodes, 0)).split('\n');
}

/** Any text, and above all texts that try to end a word, a string or a line. */
const hostilePassword = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc
    .array(
      fc.constantFrom(
        '"',
        "'",
        '\\',
        '\n',
        '\r',
        '\0',
        ' ',
        '\t',
        '#',
        '\\x41',
        '>',
        'user default nopass',
        'é',
        '\u2028',
      ),
    )
    .map((parts) => parts.join('')),
);

describe('redisConf', () => {
  test('is what the YAML file says, the user’s own file read first', () => {
    const spec = specOf();
    expect(redisConf(spec, at(spec.nodes, 0))).toMatchInlineSnapshot(`
      "# Written by manage.ts from the YAML file. The next \`up\` writes it anew.
      include /etc/redis/node/user.conf
      include /etc/redis/node/secret.conf
      aclfile /data/users.acl
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
      tls-port 6380
      tls-cert-file /etc/redis/node/tls/node.pem
      tls-key-file /etc/redis/node/tls/node.pem
      tls-ca-cert-file /etc/redis/node/tls/ca.crt
      tls-auth-clients no
      tls-protocols "TLSv1.2 TLSv1.3"
      tls-cluster yes
      tls-replication yes
      # It would be the TLS port and 10000 otherwise.
      cluster-port 16379
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

  test('holds no password: those stand in files of their own, which a user’s redis.conf comes before', () => {
    const lines = linesOf();
    expect(lines.filter((line) => /^(requirepass|masterauth|user)\b/.test(line))).toEqual([]);
    expect(lines.filter((line) => /^(include|aclfile)/.test(line))).toEqual([
      'include /etc/redis/node/user.conf',
      'include /etc/redis/node/secret.conf',
      'aclfile /data/users.acl',
    ]);
    expect(lines.findIndex((line) => line === 'include /etc/redis/node/user.conf')).toBe(1);
  });
});

describe('redisConf with TLS', () => {
  /** Where a node listens, and how. */
  const listening = (tls: Shape['tls']): string =>
    linesOf({ tls: tls ?? {} })
      .filter((line) => /^(port|tls-|cluster-port)/.test(line))
      .join('\n');

  test('beside the plain port, with a plain bus', () => {
    expect(listening({ cluster: false })).toMatchInlineSnapshot(`
      "port 6379
      tls-port 6380
      tls-cert-file /etc/redis/node/tls/node.pem
      tls-key-file /etc/redis/node/tls/node.pem
      tls-ca-cert-file /etc/redis/node/tls/ca.crt
      tls-auth-clients no
      tls-protocols "TLSv1.2 TLSv1.3""
    `);
  });

  test('alone: the plain port is closed, and the bus and replication are encrypted', () => {
    expect(listening({ plain: false })).toMatchInlineSnapshot(`
      "port 0
      tls-port 6380
      tls-cert-file /etc/redis/node/tls/node.pem
      tls-key-file /etc/redis/node/tls/node.pem
      tls-ca-cert-file /etc/redis/node/tls/ca.crt
      tls-auth-clients no
      tls-protocols "TLSv1.2 TLSv1.3"
      tls-cluster yes
      tls-replication yes
      cluster-port 16379"
    `);
  });

  test('off: not a word of it', () => {
    expect(listening({ enabled: false })).toBe('port 6379');
  });

  test('for the bus too, with the plain port for clients', () => {
    const lines = listening({}).split('\n');
    expect(lines).toEqual(expect.arrayContaining(['port 6379', 'tls-port 6380', 'tls-cluster yes']));
    expect(lines).toEqual(expect.arrayContaining(['tls-replication yes', 'cluster-port 16379']));
  });

  test.each(['no', 'optional', 'yes'])(
    'clients are asked for a certificate as the YAML file says: %s',
    (clientAuth) => {
      expect(listening({ clientAuth }).split('\n')).toContain(`tls-auth-clients ${clientAuth}`);
    },
  );

  test('is the same whoever signs', () => {
    const files = { issuer: 'files', ca: 'ca.crt', certificate: 'a.crt', key: 'a.key' };
    expect(listening(files)).toBe(listening({}));
  });
});

describe('usersAcl', () => {
  const [one, other] = [passwordHash('one'), passwordHash('other')];

  test('lets clients in with any of the passwords, and the health check without one', () => {
    expect(usersAcl([one, other])).toBe(
      `user default on #${one} #${other} ~* &* +@all\nuser health on nopass resetkeys resetchannels -@all +ping +cluster|info\n`,
    );
  });

  test('a password is the SHA-256 of its UTF-8, and can say nothing in the file, whatever it is', () => {
    fc.assert(
      fc.property(fc.array(hostilePassword, { minLength: 1, maxLength: 4 }), (passwords) => {
        const hashes = passwords.map(passwordHash);
        expect(hashes).toEqual(passwords.map((text) => createHash('sha256').update(Buffer.from(text)).digest('hex')));
        const lines = usersAcl(hashes).split('\n');
        expect(lines).toHaveLength(3);
        expect(lines[0]).toMatch(/^user default on (#[0-9a-f]{64} )+~\* &\* \+@all$/);
        expect(lines[0]?.match(/[0-9a-f]{64}/g)).toEqual(hashes);
        expect(lines.slice(1).join('\n')).toBe(usersAcl([]).split('\n').slice(1).join('\n'));
      }),
    );
  });

  test('the hash of a known password is the known one', () => {
    expect(passwordHash('hunter2')).toBe('f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7');
  });
});

describe('secretConf', () => {
  test('is the password with which a node logs in at another', () => {
    expect(secretConf('hunter-2_.')).toBe('masterauth "hunter-2_."\n');
  });

  test('escapes whatever a Redis configuration file could misread', () => {
    expect(secretConf('a "b"\n#c\\é')).toBe(String.raw`masterauth "a\x20\x22b\x22\x0a\x23c\x5c\xc3\xa9"` + '\n');
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
      fc.property(hostilePassword, (password) => {
        const match = /^masterauth "((?:[a-zA-Z0-9_.-]|\\x[0-9a-f]{2})*)"\n$/.exec(secretConf(password));
        expect(match).not.toBeNull();
        expect(unquoted(match?.[1] ?? '')).toBe(password);
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
    expect(replica.myself).toMatchObject({ ip: '172.20.0.15', port: 6380, busPort: 16379 });
  });

  test.each([
    [{}, 6380],
    [{ enabled: false }, 6379],
    [{ cluster: false }, 6379],
    [{ cluster: true }, 6380],
    [{ plain: false }, 6380],
  ])('with tls %j the nodes know each other under port %i, and the bus under its own', (tls, port) => {
    const spec = specOf({ tls });
    const rows = parseNodeTable(initialNodeTable(spec, at(spec.nodes, 0))).rows.filter(({ id }) => !isPhantom(id));
    expect(rows.map((row) => `${row.ip}:${row.port}@${row.busPort}`)).toEqual(
      spec.nodes.map(({ ip }) => `${ip}:${port}@16379`),
    );
  });

  test.each([
    [{}, 'tcp-port=6379'],
    [{ plain: false }, 'tcp-port=0'],
    [{ cluster: false }, 'tls-port=6380'],
    [{ enabled: false }, 'tls-port=0'],
  ])('with tls %j newer servers know the other port, too: %s', (tls, port) => {
    const spec = specOf({ tls });
    const lines = initialNodeTable(spec, at(spec.nodes, 0)).split('\n').slice(0, 3);
    for (const line of lines) expect(line).toContain(`@16379,,${port},shard-id=`);
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
