import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { assert, property, sample, string } from 'fast-check';
import { format, resolveConfig } from 'prettier';
import { describe, expect, test } from 'vitest';
import type { SnippetConnection } from '../../../../src/api/snippets/reach.ts';
import { connectionSnippets, type Snippet } from '../../../../src/api/snippets/snippets.ts';
import { inGo, inJava, inJavaScript, inPython, source } from '../../../../src/api/snippets/source.ts';
import type { Engine } from '../../../../src/engine/engine.ts';
import { describeConnection } from '../../../../src/stack/connect/connection.ts';
import type { Reach } from '../../../../src/stack/connect/host-address.ts';
import { loadStack } from '../../../../src/stack/session/load.ts';
import { sessionOf } from '../../../../src/stack/session/open.ts';
import { openSource } from '../../../../src/stack/session/source.ts';
import { CLIENTS, nameOf } from '../../../../scripts/clients/clients.ts';
import { snippetOf, steadySnippetOf } from '../../../../scripts/clients/program.ts';
import { hintText } from '../../../helpers/hint-text.ts';

/** Of infra/dev-services.yaml, for somebody who is called `you`. */
async function defaultConnection(reach: Reach = 'map'): Promise<SnippetConnection> {
  const stack = await loadStack('infra/dev-services.yaml');
  const surroundings = {
    env: { HOME: '/home/you' },
    report: () => undefined,
    signal: new AbortController().signal,
    timeoutMs: 1000,
  };
  const endpoint = { address: 'unix:///var/run/docker.sock', publishedHost: '127.0.0.1' };
  return describeConnection(
    sessionOf(stack, openSource(stack, surroundings), { endpoint } as unknown as Engine, surroundings),
    reach,
  );
}

async function overTls(change: Partial<SnippetConnection> = {}, reach: Reach = 'map'): Promise<SnippetConnection> {
  return { ...(await defaultConnection(reach)), plain: undefined, ...change };
}

/** Each form that a snippet may have, but for a client's certificate. */
async function allForms(): Promise<SnippetConnection[]> {
  const forms = (['map', 'direct'] as const).map(async (reach) => [
    await defaultConnection(reach),
    await overTls({}, reach),
    await overTls({ passwordFile: undefined }, reach),
  ]);
  return (await Promise.all(forms)).flat();
}

function codes(connection: SnippetConnection): string[] {
  return connectionSnippets(connection, hintText).map(({ code }) => code);
}

describe('what a snippet says', () => {
  test('one for each library that people use', async () => {
    expect(
      connectionSnippets(await defaultConnection(), hintText).map(({ language, note }) => [language, note]),
    ).toEqual([
      ['Node.js, ioredis', 'Needs ioredis 5 or later; save it as hello.mjs.'],
      ['Node.js, node-redis', 'Needs redis 5 or later; save it as hello.mjs.'],
      ['Python, redis-py', 'Needs redis 4.5.5 or later.'],
      ['Go, go-redis', 'Needs github.com/redis/go-redis/v9.'],
      ['Java, Jedis', 'Needs redis.clients:jedis 4 or later and Java 11 or later; save it as Hello.java.'],
      ['Java, Lettuce', 'Needs io.lettuce:lettuce-core 6.1 or later and Java 11 or later; save it as Hello.java.'],
    ]);
  });

  test('every node, what it announces, and the file of the password', async () => {
    for (const code of codes(await defaultConnection())) {
      for (const port of [6379, 6380, 6381]) expect(code).toContain(String(port));
      for (const ip of ['172.20.0.13', '172.20.0.16', '172.20.0.17']) expect(code).toContain(ip);
      expect(code).toContain('/home/you/.local/state/redis-cluster-as-code/dev/password');
      expect(code).not.toMatch(/tls|ssl/i);
    }
  });

  test('where the plain port is closed: the TLS ports, and the authority that signed the certificates', async () => {
    for (const code of codes(await overTls())) {
      for (const port of [6390, 6391, 6392]) expect(code).toContain(String(port));
      expect(code).toContain('/home/you/.local/state/redis-cluster-as-code/dev/tls/ca.crt');
      // Redis 7.0 names the plain port in a redirect, whichever port was asked.
      expect(code).toMatch(/172\.20\.0\.13:6379|"172\.20\.0\.13", 6379/);
      expect(code).not.toMatch(/127\.0\.0\.1['"]?[:,] ?(?:port: )?63(?:79|80|81)/);
      expect(code).not.toContain('client.pem');
    }
  });

  test("where this host reaches the nodes' own addresses: these, and nothing that has to do with a map", async () => {
    for (const [index, code] of codes(await defaultConnection('direct')).entries()) {
      for (const ip of ['172.20.0.13', '172.20.0.16', '172.20.0.17']) {
        expect(code).toMatch(new RegExp(`${ip.replaceAll('.', '\\.')}['"]?[:,] ?(?:port: )?6379`));
      }
      expect(code).not.toMatch(/127\.0\.0\.1|addresses|announce|map|steps|get_node|Dialer|"net"|resources/i);
      expect(code).not.toBe(codes(await defaultConnection())[index]);
    }
    for (const code of codes(await overTls({}, 'direct'))) {
      expect(code).toMatch(/172\.20\.0\.13['"]?[:,] ?(?:port: )?6380/);
      expect(code).toContain('/home/you/.local/state/redis-cluster-as-code/dev/tls/ca.crt');
      expect(code).not.toMatch(/127\.0\.0\.1|:6379|announce|natMap|nodeAddressMap/);
    }
    const noteOf = (connection: SnippetConnection): string | undefined =>
      connectionSnippets(connection, hintText).find(({ language }) => language.endsWith('redis-py'))?.note;
    expect(noteOf(await defaultConnection('direct'))).toBe('Needs redis 4.1 or later.');
    expect(noteOf(await overTls({}, 'direct'))).toMatch(/^Needs redis 6 or later/);
  });

  test('where clients show a certificate: its file and its key', async () => {
    const { tls } = await overTls();
    if (tls === undefined) throw new Error('the default stack has TLS');
    const client = { certificate: '/certificates/mine.crt', key: '/certificates/mine.key' };
    const connection = await overTls({ tls: { ...tls, files: { ...tls.files, client } } });
    for (const code of codes(connection)) {
      expect(code).toContain('/certificates/mine.crt');
      expect(code).toContain('/certificates/mine.key');
    }
    const [jedis = '', lettuce = ''] = connectionSnippets(connection, hintText)
      .filter(({ language }) => language.startsWith('Java'))
      .map(({ note }) => note);
    expect(jedis).toContain('The key file has to say BEGIN PRIVATE KEY.');
    expect(lettuce).toContain('The key file has to say BEGIN PRIVATE KEY.');
  });

  test('a password in Vault comes from the environment, and the note says how it gets there', async () => {
    const connection = { passwordFile: undefined, passwordSource: 'Vault, secret/redis-1, field password' };
    for (const { note, code } of connectionSnippets({ ...(await defaultConnection()), ...connection }, hintText)) {
      expect(code).toContain('REDIS_PASSWORD');
      expect(code).not.toMatch(/readFile|open\(|ReadFile|Files\./);
      expect(note).toContain(
        'The password is in Vault, secret/redis-1, field password; first: eval "$(npx tsx manage.ts env --format shell --reveal)"',
      );
      expect(note).not.toContain('\n');
    }
  });
});

describe('how it is written', () => {
  test('JavaScript as Prettier writes it', async () => {
    const options = { ...(await resolveConfig('package.json')), parser: 'babel' };
    for (const connection of await allForms()) {
      for (const code of codes(connection).slice(0, 2)) expect(await format(code, options)).toBe(code);
    }
  });

  test('no line ends in blanks, no two lines in a row are empty, and one line end is the last', async () => {
    for (const connection of await allForms()) {
      for (const code of codes(connection)) {
        expect(code).not.toMatch(/[ \t]\n|\n\n\n|^\n/);
        expect(code).toMatch(/[^\n]\n$/);
      }
    }
  });

  test('a list becomes lines as far to the right as it stands; an empty one leaves none', () => {
    expect(source`
a {
  ${['b', 'c\n  d']}
  ${[]}
  e${''}f \n
}
`).toBe('a {\n  b\n  c\n    d\n  ef \\n\n}\n');
  });
});

describe('a text in the source of a language', () => {
  const AWKWARD = [
    '/home/me/plain',
    '/with space/"quotes"/it\'s',
    'C:\\new\\table\\u0041',
    '\\"',
    "\\'",
    '${HOME} `x` %s #{y}',
    'line\nend\r\ttab\0\b\u001A\u007F',
    'ü 漢 😀',
    '\uFEFF\u2028\u2029\u00A0',
  ];
  const anything = string({ unit: 'binary' });

  test('JavaScript reads it back', () => {
    const check = (text: string): void => {
      expect(runInNewContext(`(${inJavaScript(text)})`)).toBe(text);
    };
    AWKWARD.forEach(check);
    assert(property(anything, check));
  });

  test.skipIf(spawnSync('python3', ['--version']).status !== 0)('Python reads it back', () => {
    const texts = [...AWKWARD, ...sample(anything, { numRuns: 300, seed: 7 })];
    const program =
      'import ast, json, sys; print(json.dumps([ast.literal_eval(text) for text in json.load(sys.stdin)]))';
    const { stdout } = spawnSync('python3', ['-c', program], { input: JSON.stringify(texts.map(inPython)) });
    expect(JSON.parse(stdout.toString())).toEqual(texts);
  });

  // What go vet and javac accept, and print as it was. Neither is on every machine that runs the tests.
  test('Go and Java', () => {
    expect(AWKWARD.map(inGo)).toEqual([
      '"/home/me/plain"',
      String.raw`"/with space/\"quotes\"/it's"`,
      String.raw`"C:\\new\\table\\u0041"`,
      String.raw`"\\\""`,
      String.raw`"\\'"`,
      '"${HOME} `x` %s #{y}"',
      '"line\\nend\\r\\ttab\\u0000\\b\\u001a\u007F"',
      '"ü 漢 😀"',
      '"\\ufeff\u2028\u2029\u00A0"',
    ]);
    expect(AWKWARD.map(inJava)).toEqual([
      '"/home/me/plain"',
      String.raw`"/with space/\"quotes\"/it's"`,
      String.raw`"C:\\new\\table\\u0041"`,
      String.raw`"\\\""`,
      String.raw`"\\'"`,
      '"${HOME} `x` %s #{y}"',
      '"line\\nend\\r\\ttab\\u0000\\b\\u001a\\u007f"',
      String.raw`"\u00fc \u6f22 \ud83d\ude00"`,
      String.raw`"\ufeff\u2028\u2029\u00a0"`,
    ]);
  });
});

describe('the documents show the default stack', () => {
  /** The programs in a document, without the commands of a shell. */
  const programsOf = (file: string, section = ''): string[] => {
    const text = readFileSync(file, 'utf8');
    const shown = section === '' ? text : (text.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '');
    return [...shown.matchAll(/^```(?!sh)\w+\n(.*?)^```$/gms)].map(([, program = '']) => program);
  };
  const named = (snippets: readonly Snippet[], library: string): string | undefined =>
    snippets.find(({ language }) => language.endsWith(library))?.code;

  test('README: ioredis', async () => {
    const snippets = connectionSnippets(await defaultConnection(), hintText);
    expect(programsOf('README.md', 'Connect')).toEqual([named(snippets, 'ioredis')]);
  });

  test('docs/connect.md: all with a map, and one without', async () => {
    const [ioredis, ...others] = codes(await defaultConnection());
    const [unmapped] = codes(await defaultConnection('direct'));
    expect(programsOf('docs/connect.md')).toEqual([ioredis, unmapped, ...others]);
  });
});

describe('npm run clients', () => {
  test('takes each snippet as it is printed, and changes nothing but its one write and its one read', async () => {
    for (const connection of await allForms()) {
      expect(new Set(CLIENTS.map((client) => snippetOf(client, connection)))).toEqual(new Set(codes(connection)));
      for (const client of CLIENTS) {
        const steady = steadySnippetOf(client, connection);
        const gone = snippetOf(client, connection)
          .split('\n')
          .filter((line) => !steady.includes(line));
        expect(gone).toEqual([expect.stringMatching(/\.set\(.*hello:/i), expect.stringMatching(/\.get\(.*hello:/i)]);
      }
    }
  });

  test('docs/connect.md has what came of it, of the versions that are pinned', () => {
    const pins = [
      'package.json',
      ...['requirements.txt', 'go.mod', 'pom.xml'].map((file) => `scripts/clients/${file}`),
    ];
    const pinned = pins.map((file) => readFileSync(file, 'utf8')).join('');
    const table = readFileSync('docs/connect.md', 'utf8').split('written by npm run clients')[1] ?? '';
    const rows = [...table.matchAll(/^\| (.*?) +\| (\d\S*) /gm)].map(([, name = '', version = '']) => [name, version]);
    expect(rows.map(([name]) => name)).toEqual(CLIENTS.map(nameOf));
    for (const [, version = ''] of rows.filter(([name]) => name?.includes('Debian') === false)) {
      expect(pinned).toContain(version);
    }
  });
});
