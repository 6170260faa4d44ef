/** The snippets are programs: each runs here as it is shown, and reaches nothing but what this host publishes. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { SnippetConnection } from '../../src/api/snippets/reach.ts';
import { connectionSnippets } from '../../src/api/snippets/snippets.ts';
import { readConnection, type ConnectionInfo } from '../../src/stack/connect/connection.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { lacks, ONLY_LOOPBACK_NODE, RUN_PYTHON } from '../helpers/clients.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';
import { hintText } from '../helpers/hint-text.ts';

const run = promisify(execFile);

/** Where Node.js looks for packages from. */
const cache = join(process.cwd(), 'node_modules/.cache');
let folder: string;
beforeAll(() => {
  mkdirSync(cache, { recursive: true });
  folder = mkdtempSync(join(cache, 'snippets-'));
  writeFileSync(join(folder, 'only-loopback.mjs'), ONLY_LOOPBACK_NODE);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What this machine can run; Go and Java need libraries from elsewhere. */
const RUNNABLE = ['ioredis', 'node-redis', 'redis-py'] as const;
type Library = (typeof RUNNABLE)[number];

const isMissing = (library: Library): boolean => library === 'redis-py' && lacks('python3-redis');

/** Runs a snippet as it is, and gives what it prints. */
async function runSnippet(library: Library, connection: SnippetConnection, env = {}): Promise<string> {
  const code = connectionSnippets(connection, hintText).find(({ language }) => language.endsWith(library))?.code;
  if (code === undefined) throw new Error(`no snippet for ${library}`);
  const file = join(folder, library === 'redis-py' ? 'hello.py' : 'hello.mjs');
  writeFileSync(file, code);
  const [program, args] =
    library === 'redis-py'
      ? ['/usr/bin/python3', ['-c', RUN_PYTHON, file]]
      : [process.execPath, ['--import', join(folder, 'only-loopback.mjs'), file]];
  const { stdout } = await run(program, args, { env: { ...process.env, ...env }, timeout: 30_000 });
  return stdout.trim();
}

describe('a stack as it is by default', () => {
  let stack: TestStack;
  let connection: ConnectionInfo;
  beforeAll(async () => {
    stack = await makeStack();
    await stack.must('up');
    connection = await readConnection(await stack.session());
  });
  afterAll(() => stack.remove());

  for (const library of RUNNABLE) {
    describe.skipIf(isMissing(library))(`with ${library}`, () => {
      test('writes and reads', async () => {
        expect(await runSnippet(library, connection)).toBe('world');
        expect(await stack.redis(1, '-c', 'GET', `hello:${library}`)).toBe('world');
      });

      test('takes a password that is in no file from the environment', async () => {
        const env = { REDIS_PASSWORD: connection.password.reveal() };
        expect(await runSnippet(library, { ...connection, passwordFile: undefined }, env)).toBe('world');
      });

      test('finds a key of a slot that moves just now at the node that it moves to', async () => {
        const key = `hello:${library}`;
        await stack.redis(1, '-c', 'DEL', key);
        const slot = await stack.redis(1, 'CLUSTER', 'KEYSLOT', key);
        const from = Number(slot) < 5461 ? 1 : Number(slot) < 10_923 ? 2 : 3;
        const to = (from % 3) + 1;
        const [fromId, toId] = [await stack.redis(from, 'CLUSTER', 'MYID'), await stack.redis(to, 'CLUSTER', 'MYID')];
        await stack.redis(to, 'CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
        await stack.redis(from, 'CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
        expect(await runSnippet(library, connection)).toBe('world');
        expect(await stack.redis(to, 'CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe('1');
        await stack.redis(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        await stack.redis(from, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      });

      test('stays on TLS, where redirects name the plain port', async () => {
        expect(await runSnippet(library, { ...connection, plain: undefined })).toBe('world');
      });
    });
  }

  test('no snippet shows the password', () => {
    const shown = JSON.stringify(connectionSnippets(connection, hintText));
    expect(shown).not.toContain(connection.password.reveal());
  });
});

describe('without a plain port, for clients that show a certificate, with files in a folder of an awkward name', () => {
  const home = mkdtempSync(join(tmpdir(), `it's a "state"\\u0041 $HOME ü-`));
  let stack: TestStack;
  let connection: ConnectionInfo;
  beforeAll(async () => {
    stack = await makeStack({ tls: '{ plain: false, clientAuth: yes }', env: { XDG_STATE_HOME: home } });
    await stack.must('up');
    connection = await readConnection(await stack.session());
  });
  afterAll(async () => {
    await stack.remove();
    rmSync(home, { recursive: true, force: true });
  });

  for (const library of RUNNABLE) {
    test.skipIf(isMissing(library))(`${library} writes and reads`, async () => {
      expect(await runSnippet(library, connection)).toBe('world');
    });
  }

  // ioredis tries again for ever; tls.test.ts shows that it refuses, too.
  for (const [library, words] of [
    ['node-redis', /unable to verify|self-signed/],
    ['redis-py', /CERTIFICATE_VERIFY_FAILED|certificate verify failed/],
  ] as const) {
    test.skipIf(isMissing(library))(`${library} refuses nodes that another authority has signed`, async () => {
      const { tls } = connection;
      if (tls === undefined) throw new Error('the stack has no TLS');
      await openPrivateAuthority(stack.folder, { stack: 'stranger', nowMs: Date.now() });
      const stranger = { ...connection, tls: { ...tls, files: { ...tls.files, ca: join(stack.folder, 'ca.crt') } } };
      await expect(runSnippet(library, stranger)).rejects.toThrow(words);
    });
  }
});
