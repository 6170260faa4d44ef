/**
 * The snippets are programs: each runs here as it is shown. With a map it reaches nothing but what this host publishes; without
 * one it runs in the network of the nodes, where nothing is published.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { SnippetConnection } from '../../src/api/snippets/reach.ts';
import { connectionSnippets } from '../../src/api/snippets/snippets.ts';
import { readConnection, type ConnectionInfo } from '../../src/stack/connect/connection.ts';
import { reachOf } from '../../src/stack/connect/host-address.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { CAN_ENTER, inNetworkOf, lacks, ONLY_LOOPBACK_NODE, RUN_PYTHON } from '../helpers/clients.ts';
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

const NO_ENTRY = "the nodes' network can't be entered: it is on another machine or in a VM, or this user may not";

/** How a snippet gets at the nodes. */
interface Way {
  readonly connection: ConnectionInfo;
  /** Runs in the network of this stack's nodes; undefined: on this host, with a map. */
  readonly inside?: TestStack;
}

const FORMS = ['with a map', 'without a map'] as const;
type Ways = Readonly<Record<(typeof FORMS)[number], Way | undefined>>;

async function waysTo(stack: TestStack): Promise<Ways> {
  const session = await stack.session();
  const isHere = CAN_ENTER && reachOf(session) === 'direct';
  return {
    'with a map': { connection: await readConnection(session, 'map') },
    'without a map': isHere ? { connection: await readConnection(session, 'direct'), inside: stack } : undefined,
  };
}

/** Runs a snippet as it is, and gives what it prints. */
async function runSnippet(library: Library, way: Way | undefined, change = {}, env = {}): Promise<string> {
  const connection: SnippetConnection = { ...wayOf(way).connection, ...change };
  const code = connectionSnippets(connection, hintText).find(({ language }) => language.endsWith(library))?.code;
  if (code === undefined) throw new Error(`no snippet for ${library}`);
  const file = join(folder, library === 'redis-py' ? 'hello.py' : 'hello.mjs');
  writeFileSync(file, code);
  const interpreter = library === 'redis-py' ? '/usr/bin/python3' : process.execPath;
  const guard = library === 'redis-py' ? ['-c', RUN_PYTHON] : ['--import', join(folder, 'only-loopback.mjs')];
  const { inside } = wayOf(way);
  const [program = '', ...args] =
    inside === undefined ? [interpreter, ...guard, file] : await inNetworkOf(inside, [interpreter, file]);
  const { stdout } = await run(program, args, { env: { ...process.env, ...env }, timeout: 120_000 });
  return stdout.trim();
}

function wayOf(way: Way | undefined): Way {
  if (way === undefined) throw new Error('the test is skipped');
  return way;
}

describe('a stack as it is by default', () => {
  let stack: TestStack;
  let ways: Ways;
  beforeAll(async () => {
    stack = await makeStack();
    await stack.must('up');
    ways = await waysTo(stack);
  });
  afterAll(() => stack.remove());

  describe.each(FORMS)('%s', (form) => {
    beforeEach(({ skip }) => skip(ways[form] === undefined, NO_ENTRY));

    for (const library of RUNNABLE) {
      describe.skipIf(isMissing(library))(`with ${library}`, () => {
        test('writes and reads', async () => {
          expect(await runSnippet(library, ways[form])).toBe('world');
          expect(await stack.redis(1, '-c', 'GET', `hello:${library}`)).toBe('world');
        });

        test('takes a password that is in no file from the environment', async () => {
          const env = { REDIS_PASSWORD: wayOf(ways[form]).connection.password.reveal() };
          expect(await runSnippet(library, ways[form], { passwordFile: undefined }, env)).toBe('world');
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
          expect(await runSnippet(library, ways[form])).toBe('world');
          expect(await stack.redis(to, 'CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe('1');
          await stack.redis(to, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
          await stack.redis(from, 'CLUSTER', 'SETSLOT', slot, 'NODE', toId);
        });

        test('stays on TLS, where redirects name the plain port', async () => {
          expect(await runSnippet(library, ways[form], { plain: undefined })).toBe('world');
        });
      });
    }

    test('no snippet shows the password', () => {
      const { connection } = wayOf(ways[form]);
      const shown = JSON.stringify(connectionSnippets(connection, hintText));
      expect(shown).not.toContain(connection.password.reveal());
    });
  });
});

describe('without a plain port, for clients that show a certificate, with files in a folder of an awkward name', () => {
  const home = mkdtempSync(join(tmpdir(), `it's a "state"\\u0041 $HOME ü-`));
  let stack: TestStack;
  let ways: Ways;
  beforeAll(async () => {
    stack = await makeStack({ tls: '{ plain: false, clientAuth: yes }', env: { XDG_STATE_HOME: home } });
    await stack.must('up');
    ways = await waysTo(stack);
  });
  afterAll(async () => {
    await stack.remove();
    rmSync(home, { recursive: true, force: true });
  });

  describe.each(FORMS)('%s', (form) => {
    beforeEach(({ skip }) => skip(ways[form] === undefined, NO_ENTRY));

    for (const library of RUNNABLE) {
      test.skipIf(isMissing(library))(`${library} writes and reads`, async () => {
        expect(await runSnippet(library, ways[form])).toBe('world');
      });
    }

    // ioredis tries again for ever; tls.test.ts shows that it refuses, too.
    for (const [library, words] of [
      ['node-redis', /unable to verify|self-signed/],
      ['redis-py', /CERTIFICATE_VERIFY_FAILED|certificate verify failed/],
    ] as const) {
      test.skipIf(isMissing(library))(`${library} refuses nodes that another authority has signed`, async () => {
        const { tls } = wayOf(ways[form]).connection;
        if (tls === undefined) throw new Error('the stack has no TLS');
        await openPrivateAuthority(stack.folder, { stack: 'stranger', nowMs: Date.now() });
        const stranger = { ...tls, files: { ...tls.files, ca: join(stack.folder, 'ca.crt') } };
        await expect(runSnippet(library, ways[form], { tls: stranger })).rejects.toThrow(words);
      });
    }
  });
});
