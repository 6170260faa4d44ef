import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.ts';
import { problemsOf, specOf, specText, STACK_TEXT } from '../../helpers/builders.ts';

/** A good file; each test spoils it in its own way. */
const GOOD = `${STACK_TEXT}secrets:
  provider: generated
`;

describe('the stack file that is shipped', () => {
  test('is a cluster of three primaries, with the defaults of the seed environment', async () => {
    const text = await readFile(new URL('../../../infra/dev-services.yaml', import.meta.url), 'utf8');
    const result = parseSpec(text);
    if ('problems' in result) throw new Error(JSON.stringify(result.problems));
    const { name, network, redis, nodes, secrets, tls } = result.spec;

    expect(name).toBe('dev');
    expect(network).toMatchObject({ name: 'dev-services', gateway: '172.20.0.1', subnet: { text: '172.20.0.0/16' } });
    expect(redis).toEqual({
      image: 'redis:7-alpine',
      replicas: 0,
      config: 'redis/redis.conf',
      bind: '127.0.0.1',
      memoryBytes: 512 * 1024 ** 2,
      maxmemoryBytes: 256 * 1024 ** 2,
      cpus: 1,
      maxmemoryPolicy: 'allkeys-lru',
      persistence: { appendonly: true, appendfsync: 'everysec' },
      nodeTimeoutMs: 5000,
      requireFullCoverage: false,
      restartPolicy: 'unless-stopped',
    });
    const inside = { plain: 6379, tls: 6380, busPort: 16379 };
    expect(nodes).toEqual([
      {
        name: 'redis-1',
        ip: '172.20.0.13',
        announced: { ip: '172.20.0.13', ...inside },
        ports: { plain: 6379, tls: 6390, bus: 16379 },
        entrance: { host: undefined, plain: 6379, tls: 6390 },
        initialRole: 'primary',
        initialPrimary: undefined,
      },
      {
        name: 'redis-2',
        ip: '172.20.0.16',
        announced: { ip: '172.20.0.16', ...inside },
        ports: { plain: 6380, tls: 6391, bus: 16380 },
        entrance: { host: undefined, plain: 6380, tls: 6391 },
        initialRole: 'primary',
        initialPrimary: undefined,
      },
      {
        name: 'redis-3',
        ip: '172.20.0.17',
        announced: { ip: '172.20.0.17', ...inside },
        ports: { plain: 6381, tls: 6392, bus: 16381 },
        entrance: { host: undefined, plain: 6381, tls: 6392 },
        initialRole: 'primary',
        initialPrimary: undefined,
      },
    ]);
    expect(secrets).toEqual({ provider: 'generated' });
    expect(tls).toEqual({
      enabled: true,
      isOpen: true,
      plain: true,
      cluster: true,
      isBusOpen: true,
      isPlainBusRefused: false,
      clientAuth: 'no',
      issuer: { kind: 'private', validityDays: 90 },
    });
  });

  test('keeps automatic addresses away from the fixed ones', async () => {
    const text = await readFile(new URL('../../../infra/dev-services.yaml', import.meta.url), 'utf8');
    expect(parseSpec(text)).toMatchObject({ spec: { network: { automaticRange: { text: '172.20.128.0/17' } } } });
  });
});

describe('what follows from a good file', () => {
  test('the first nodes are primaries, the others their replicas in turn', () => {
    const { nodes } = specOf({ primaries: 3, replicas: 2 });
    expect(nodes.map(({ name, initialPrimary }) => `${name} of ${initialPrimary ?? '-'}`)).toEqual([
      'redis-1 of -',
      'redis-2 of -',
      'redis-3 of -',
      'redis-4 of redis-1',
      'redis-5 of redis-2',
      'redis-6 of redis-3',
      'redis-7 of redis-1',
      'redis-8 of redis-2',
      'redis-9 of redis-3',
    ]);
  });

  test('sizes may be written in any unit and any case', () => {
    const { redis } = specOf({ redis: { memory: '1G', maxmemory: '65536KB' } });
    expect(redis).toMatchObject({ memoryBytes: 1024 ** 3, maxmemoryBytes: 64 * 1024 ** 2 });
  });

  test('a gateway of its own is kept', () => {
    expect(specOf({ network: { gateway: '172.20.0.254' } }).network.gateway).toBe('172.20.0.254');
  });
});

describe('problems of values are all told at once, each at its place', () => {
  test('unknown keys name the known ones', () => {
    const text = GOOD.replace('  replicas: 0', '  replica: 0').replace('plain: 6380', 'plane: 6380');
    expect(problemsOf(`${text}colour: red\nsize: 1\n`)).toMatchInlineSnapshot(`
      "8:33 redis.nodes.redis-2.ports.plain: is missing (a number)
      8:42 redis.nodes.redis-2.ports.plane: unknown key (known here: plain, tls, bus)
      5:3 redis.replica: unknown key (known here: image, replicas, config, bind, memory, cpus, maxmemory, maxmemoryPolicy, persistence, nodeTimeoutMs, requireFullCoverage, restartPolicy, nodes)
      12:1 colour: unknown key (known here: name, access, network, hosts, redis, secrets, tls)
      13:1 size: unknown key (known here: name, access, network, hosts, redis, secrets, tls)"
    `);
  });

  test('wrong types, impossible values and missing keys', () => {
    const text = `name: Dev!
network:
  subnet: 172.20.0.0
  gateway: 172.20.0.256
redis:
  replicas: one
  memory: a lot
  cpus: 0
  requireFullCoverage: "no"
  maxmemoryPolicy: newest
  persistence:
    appendfsync: sometimes
  nodes:
    redis-1: { ip: 172.20.0.13 }
    redis-2: { ports: { plain: 0, tls: 6391, bus: 65536 } }
    Redis_3: { ip: 172.20.0.17, ports: { plain: 6381, tls: 6392, bus: 16381.5 } }
    redis-4: 172.20.0.18
`;
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      "1:1 name: must be lower case letters, digits and -, a letter first, 31 at most
      3:3 network.subnet: must be an IPv4 subnet, like 172.20.0.0/16
      4:3 network.gateway: must be an IPv4 address, like 172.20.0.13
      6:3 redis.replicas: must be a number, not text
      7:3 redis.memory: must be a size, like 512mb or 1g
      8:3 redis.cpus: must be at least 0.01
      10:3 redis.maxmemoryPolicy: must be one of: noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl
      12:5 redis.persistence.appendfsync: must be one of: always, everysec, no
      9:3 redis.requireFullCoverage: must be true or false
      14:5 redis.nodes.redis-1.ports: is missing (a map)
      15:5 redis.nodes.redis-2.ip: is missing (text)
      15:25 redis.nodes.redis-2.ports.plain: must be at least 1
      15:46 redis.nodes.redis-2.ports.bus: must be at most 65535
      16:5 redis.nodes.Redis_3: name must be lower case letters, digits and -, a letter first, 31 at most
      17:5 redis.nodes.redis-4: must be a map, not text"
    `);
  });

  test('the top keys that are missing', () => {
    expect(problemsOf('# nothing yet\nname: dev\n')).toMatchInlineSnapshot(`
      "2:1 network: is missing (a map)
      2:1 redis: is missing (a map)"
    `);
  });
});

describe('problems between values are all told at once, each at its place', () => {
  test('addresses, ports and memory that clash', () => {
    const text = GOOD.replace('172.20.0.16,', '172.20.0.13,')
      .replace('172.20.0.17,', '172.21.0.17,')
      .replace('tls: 6392', 'tls: 6379')
      .replace('  replicas: 0', '  memory: 256mb\n  maxmemory: 256mb');
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      "9:16 redis.nodes.redis-2.ip: address 172.20.0.13 is used twice: redis-1 has it too (give each its own)
      10:16 redis.nodes.redis-3.ip: address 172.21.0.17 is outside the subnet 172.20.0.0/16 (change network.subnet or the address)
      10:55 redis.nodes.redis-3.ports.tls: host port 6379 is used twice: redis-1.plain has it too (give each its own)
      6:3 redis.maxmemory: maxmemory 256mb does not fit into the container's 256mb (Redis needs room beside its data: take half of redis.memory)"
    `);
  });

  test('a host port that one node has twice', () => {
    expect(problemsOf(GOOD.replace('bus: 16381', 'bus: 6381'))).toMatchInlineSnapshot(
      `"9:66 redis.nodes.redis-3.ports.bus: host port 6381 is used twice: redis-3.plain has it too (give each its own)"`,
    );
  });

  test('a node at the address that the gateway has by default', () => {
    expect(problemsOf(GOOD.replace('172.20.0.13', '172.20.0.1'))).toMatchInlineSnapshot(
      `"7:16 redis.nodes.redis-1.ip: address 172.20.0.1 is used twice: the network's gateway has it too (give each its own)"`,
    );
  });

  test('a gateway that is a node, and one outside the subnet', () => {
    const withGateway = (gateway: string): string => problemsOf(GOOD.replace('/16\n', `/16\n  gateway: ${gateway}\n`));
    expect(withGateway('172.20.0.16')).toMatchInlineSnapshot(
      `"9:16 redis.nodes.redis-2.ip: address 172.20.0.16 is used twice: the network's gateway has it too (give each its own)"`,
    );
    expect(withGateway('10.0.0.1')).toMatchInlineSnapshot(
      `"4:3 network.gateway: address 10.0.0.1 is outside the subnet 172.20.0.0/16 (change network.subnet or the address)"`,
    );
  });

  test('a node at the network or the broadcast address', () => {
    const text = GOOD.replace('172.20.0.13', '172.20.0.0').replace('172.20.0.16', '172.20.255.255');
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      "7:16 redis.nodes.redis-1.ip: address 172.20.0.0 is the network address of 172.20.0.0/16
      8:16 redis.nodes.redis-2.ip: address 172.20.255.255 is the broadcast address of 172.20.0.0/16"
    `);
  });

  test('a subnet with host bits, and what it should be', () => {
    expect(problemsOf(GOOD.replace('172.20.0.0/16', '172.20.0.5/16'))).toMatchInlineSnapshot(
      `"3:3 network.subnet: 172.20.0.5/16 is an address inside a subnet, not a subnet (write 172.20.0.0/16)"`,
    );
  });

  test('a subnet that is too small or too large', () => {
    expect(problemsOf(GOOD.replace('172.20.0.0/16', '172.20.0.0/29'))).toMatchInlineSnapshot(
      `"3:3 network.subnet: /29 is not a usable size (take a prefix from /8 to /28)"`,
    );
    expect(problemsOf(GOOD.replace('172.20.0.0/16', '128.0.0.0/1'))).toMatchInlineSnapshot(
      `"3:3 network.subnet: /1 is not a usable size (take a prefix from /8 to /28)"`,
    );
  });

  test('nodes that leave no room for automatic addresses', () => {
    const text = GOOD.replace('172.20.0.0/16', '172.20.0.0/28')
      .replace('172.20.0.13', '172.20.0.5')
      .replace('172.20.0.16', '172.20.0.9')
      .replace('172.20.0.17', '172.20.0.13');
    expect(problemsOf(text)).toMatchInlineSnapshot(
      `"3:3 network.subnet: the nodes leave no free block in 172.20.0.0/28 for automatic addresses (take a larger subnet, or put the nodes next to each other)"`,
    );
  });

  test('too few primaries', () => {
    expect(problemsOf(GOOD.replace(/ {4}redis-3.*\n/, ''))).toMatchInlineSnapshot(
      `"6:3 redis.nodes: 2 node(s) with 0 replica(s) each make 2 primaries (a Redis Cluster needs at least 3 primaries: 3 nodes)"`,
    );
    expect(problemsOf(specText({ primaries: 2, replicas: 1 }))).toMatch(/4 node\(s\) with 1 replica\(s\) each make 2 /);
  });

  test('nodes that cannot be shared out among the primaries', () => {
    expect(problemsOf(GOOD.replace('replicas: 0', 'replicas: 1'))).toMatchInlineSnapshot(
      `"6:3 redis.nodes: 3 nodes can't be divided into primaries with 1 replica(s) each (the number of nodes must be a multiple of 2)"`,
    );
  });

  test('less memory than the engine accepts', () => {
    const text = GOOD.replace('  replicas: 0', '  memory: 5mb\n  maxmemory: 1mb');
    expect(problemsOf(text)).toMatchInlineSnapshot(
      `"5:3 redis.memory: 5mb is less than the 6mb that the engine asks for"`,
    );
  });
});

describe('a text that is no YAML at all, or no honest one', () => {
  test('a key that stands there twice', () => {
    expect(problemsOf(`${GOOD}name: dev\n`)).toMatchInlineSnapshot(
      `"12:1 this key stands here twice (keep one of the two)"`,
    );
  });

  test('a node that stands there twice', () => {
    expect(problemsOf(GOOD.replace('    redis-3:', '    redis-2:'))).toMatchInlineSnapshot(
      `"9:5 this key stands here twice (keep one of the two)"`,
    );
  });

  test('every syntax error has its place', () => {
    const text = 'network: {a: b: c}\nredis: @x\nname: `y\n';
    expect(problemsOf(text)).toMatchInlineSnapshot(`
      "1:14 Block collections are not allowed within flow collections
      2:8 Plain value cannot start with reserved character @
      3:7 Plain value cannot start with reserved character \`"
    `);
  });

  test.each(['', '\n\n', '# only a comment\n', '---\n', '~', 'null'])('nothing in it: %j', (text) => {
    expect(problemsOf(text)).toMatch(/^\d+:\d+ is missing|^\d+:\d+ the file must be a map, not nothing$/);
  });

  test.each(['just a sentence', '42', '- a\n- list\n'])('something else in it: %j', (text) => {
    expect(problemsOf(text)).toMatch(/^1:1 the file must be a map, not (text|a number|a list)$/);
  });

  test('an alias bomb is a problem', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const previous = level === 0 ? 'lol' : `*a${level - 1}`;
      return `a${level}: &a${level} [${Array(10).fill(previous).join(', ')}]`;
    });
    expect(problemsOf(`${levels.join('\n')}\n`)).toMatch(/^1:1 the file can't be read: .*alias/i);
  });

  test('an honest alias is fine', () => {
    const text = GOOD.replace('subnet: 172', 'subnet: &net 172').replace('provider: generated', 'file: *net');
    expect(parseSpec(text)).toMatchObject({ spec: { secrets: { file: '172.20.0.0/16' } } });
  });

  test('merge keys are read, and so are x- keys for what is merged: the own keys of a map come first', () => {
    const text = GOOD.replace(
      'redis:\n',
      `x-limits: &limits { memory: 96mb, maxmemory: 32mb }\nredis:\n  <<: *limits\n`,
    )
      .replace('redis-1: {', 'redis-1: &one {')
      .replace(/redis-2: \{/, 'redis-2: { <<: [*one],');
    expect(problemsOf(text)).toBe('no problem');
    expect(parseSpec(text)).toMatchObject({ spec: { redis: { maxmemoryBytes: 32 * 1024 ** 2 } } });
    for (const wrong of ['<<: 3', '<<: [3]', '<<: [*one, 3]'])
      expect(problemsOf(text.replace('<<: [*one]', wrong))).toMatch(/^\d+:\d+ << must be a map, or a list of maps$/);
  });

  test('a second document is a problem, at its place', () => {
    expect(problemsOf(`---\n${GOOD}...\n`)).toBe('no problem');
    const lines = GOOD.split('\n').length;
    expect(problemsOf(`${GOOD}---\n${GOOD}`)).toBe(
      `${lines}:1 a second document begins here, and a stack file is one (make it a file of its own)`,
    );
  });

  test.each([
    ['subnet: ${SUBNET}', 'subnet: 172.20.0.0/16'],
    ['subnet: "${SUBNET}"', 'subnet: 172.20.0.0/16'],
    ['plain: ${SUBNET},', 'plain: 6379,'],
  ])('variables are not replaced, which is said once: %s', (written, value) => {
    const text = GOOD.replaceAll(value, written);
    expect(text).not.toBe(GOOD);
    expect(problemsOf(text)).toMatch(
      /^\d+:\d+ \$\{SUBNET\} is not replaced: this file has no variables \(write the value itself\)$/,
    );
    expect(problemsOf(`${GOOD}# ${written}\n`)).toBe('no problem');
  });

  test('an alias of nothing is a problem', () => {
    expect(problemsOf('name: *nobody\n')).toMatch(/nobody/);
  });

  test('a file of 300 KB is a problem', () => {
    expect(problemsOf(`${GOOD}# ${'x'.repeat(300 * 1024)}\n`)).toBe(
      '1:1 the file is larger than 256 KiB: it is no stack description',
    );
  });

  const TOO_DEEP = '1:1 the file has more than 100 levels: it is no stack description';
  test.each(['[', '{a: ', '- ', '? '])('endless nesting of %j is a problem', (opening) => {
    expect(problemsOf(opening.repeat(5000))).toBe(TOO_DEEP);
  });

  test('endless nesting that is closed properly is a problem', () => {
    expect(problemsOf('['.repeat(5000) + ']'.repeat(5000))).toBe(TOO_DEEP);
  });
});

describe('whatever the text', () => {
  /** A place that exists, or the one behind the last character. */
  function expectRealPlaces(text: string): void {
    const result = parseSpec(text);
    if ('spec' in result) return;
    const lineCount = text.split('\n').length;
    expect(result.problems.length).toBeGreaterThan(0);
    for (const { line, column, message } of result.problems) {
      expect(line).toBeGreaterThanOrEqual(1);
      expect(line).toBeLessThanOrEqual(lineCount);
      expect(column).toBeGreaterThanOrEqual(1);
      expect(message).not.toBe('');
    }
  }

  test('any string gives a spec or problems with real places, never an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), expectRealPlaces));
  });

  test('so does any sequence of YAML fragments', () => {
    const words = ['name', 'network', 'redis', 'nodes', 'subnet', '172.20.0.0/16', 'dev', '__proto__', 'constructor'];
    const values = [
      '~',
      '.nan',
      '-1',
      '0x10',
      '!!map ',
      '!!binary ',
      '!x ',
      '<<',
      '&a ',
      '*a',
      '|',
      '>',
      '"',
      "'",
      '#',
    ];
    const marks = [': ', ':', '\n', '\n  ', '- ', '? ', '{', '}', '[', ']', ',', '%YAML 1.1\n---\n', '---\n', '...'];
    const fragment = fc.constantFrom(...words, ...values, ...marks, '\t', '\r', '\u2028', '\ufeff');
    const text = fc.array(fragment, { maxLength: 40 }).map((fragments) => fragments.join(''));
    fc.assert(fc.property(text, expectRealPlaces), { numRuns: 300 });
  });

  test('so does any value in any place of a good file', () => {
    const good: unknown = JSON.parse(specText());
    const spoiled = fc.tuple(fc.nat(), fc.jsonValue()).map(([place, value]) => {
      let countdown = place % 40;
      return JSON.stringify(good, (_key, present: unknown) => (countdown-- === 0 ? value : present));
    });
    fc.assert(fc.property(spoiled, expectRealPlaces));
  });

  test('a file cut off anywhere', () => {
    for (let length = 0; length < GOOD.length; length += 5) expectRealPlaces(GOOD.slice(0, length));
    expect(parseSpec(GOOD)).toHaveProperty('spec');
  });
});

describe('mistakes of every kind in one file', () => {
  test('an unknown key, a wrong type and a key that stands twice hide no address and no port', () => {
    const text = GOOD.replace('  replicas: 0', '  replicas: many\n  colour: red')
      .replace('172.20.0.16,', '192.168.7.7,')
      .replace('plain: 6381', 'plain: 6379')
      .replace('name: dev', 'name: dev\nname: dev');
    const messages = problemsOf(text);
    for (const part of [
      'stands here twice',
      'redis.colour: unknown key',
      'redis.replicas: must be a number',
      '192.168.7.7 is outside',
      'host port 6379 is used twice',
    ]) {
      expect(messages).toContain(part);
    }
    expect(messages).not.toContain('primaries');
  });

  test('in secrets, tls and redis together', () => {
    const text = `${STACK_TEXT.replace('172.20.0.16,', '192.168.7.7,').replace('replicas: 0', 'replicas: many')}secrets:
  provider: vault
  address: https://me:hunter2@vault.example
  path: /team/redis
tls:
  clientAuth: perhaps
  cypher: strong
`;
    expect(problemsOf(text)).toMatch(/^(?!.*hunter2)/s);
    const lines = problemsOf(text).split('\n');
    expect(lines.map((line) => line.slice(0, line.indexOf(':', line.indexOf(' '))))).toEqual([
      '5:3 redis.replicas',
      '12:3 secrets.address',
      '13:3 secrets.path',
      '15:3 tls.clientAuth',
      '16:3 tls.cypher',
      '8:16 redis.nodes.redis-2.ip',
    ]);
  });

  test('rules of tls and of redis', () => {
    const text = `${STACK_TEXT.replace('172.20.0.16,', '172.20.0.13,')}  maxmemory: 1gb
tls:
  enabled: false
  plain: false
  clientAuth: optional
`;
    expect(problemsOf(text).split('\n')).toEqual([
      expect.stringMatching(/^8:16 redis\.nodes\.redis-2\.ip: .* used twice/),
      expect.stringMatching(/^10:3 redis\.maxmemory: /),
      expect.stringMatching(/^13:3 tls\.plain: /),
      expect.stringMatching(/^14:3 tls\.clientAuth: /),
    ]);
  });

  test('rules of access: proxy', () => {
    const proxy = `access: proxy\n${STACK_TEXT}`;
    expect(problemsOf(proxy)).toBe('no problem');
    expect(problemsOf(proxy.replace('tls: 6391', 'tls: 11379'))).toMatch(
      /^8:42 redis\.nodes\.redis-1\.ports\.plain: behind the proxy, redis-1 has the host port 11379, and that is redis-2\.tls/,
    );
  });

  test('rules of access: names', () => {
    const names = `access: names\n${STACK_TEXT}`;
    expect(problemsOf(names)).toBe('no problem');
    expect(problemsOf(names.replaceAll('172.20.0.', '10.0.0.').replace('10.0.0.16', '10.0.0.53'))).toMatch(
      /^9:16 redis\.nodes\.redis-2\.ip: by its name, redis-2 is at 127\.0\.0\.53 on this host, and that is the host's own/,
    );
    expect(problemsOf(`${names}  bind: 127.20.0.13\n`)).toContain(
      'redis-1 is at 127.20.0.13 on this host, and that is redis.bind',
    );
    expect(problemsOf(`${names}  bind: 0.0.0.0\n`).split('\n')).toEqual([
      expect.stringMatching(/redis\.nodes\.redis-1\.ports\.plain: host port 6379 on all addresses/),
      expect.stringMatching(/redis\.nodes\.redis-2\.ports\.plain: host port 6380 on all addresses/),
    ]);
    expect(problemsOf(names.replace('redis-2:', 'localhost:').replace('redis-3:', 'redis-:'))).toMatch(
      /by the name localhost, .*\n.*by the name redis-, /,
    );
    expect(problemsOf(`${STACK_TEXT}  bind: 0.0.0.0\n`)).toBe('no problem');
  });

  test('a mistake in secrets is not taken for a missing Vault', () => {
    const text = `${STACK_TEXT}secrets: { provider: valt, path: team/redis }\ntls: { issuer: vault, role: redis }\n`;
    expect(problemsOf(text)).toBe('10:12 secrets.provider: must be one of: generated, vault');
  });
});
