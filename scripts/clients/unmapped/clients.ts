/** Clients as people use them, without a map of addresses: how each is brought, and its program run. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx';
import { lacks } from '../../../test/helpers/clients.ts';
import { CLIENTS, nameOf, nodeClient } from '../clients.ts';

export interface UnmappedClient {
  readonly name: string;
  /** What selects it. */
  readonly words: readonly string[];
  /** Its own option that takes a map. */
  readonly mapOption: string | undefined;
  /** Debian's package that has it. */
  readonly debian?: Parameters<typeof lacks>[0];
  /** @returns its version; undefined where this machine lacks what that needs */
  readonly install: (folder: string) => Promise<string | undefined>;
  /** What answers `SET key value` and `GET key` line by line. It finds the same in its environment. */
  readonly command: (folder: string, nodes: readonly string[], ca: string | undefined) => readonly string[];
}

const PROGRAMS = 'scripts/clients/unmapped/programs';
const DEBIAN_PYTHON = "redis-py (Debian's python3-redis)";

export const UNMAPPED: readonly UnmappedClient[] = [
  debian('redis-cli', 'redis-cli', "redis-cli --version | cut -d' ' -f2", (_, [node = ''], ca) => {
    const [host = '', port = ''] = node.split(':');
    // What it can't connect to, it says on stderr, and waits for the next line.
    return [
      'sh',
      '-c',
      'exec "$@" 2>&1',
      'sh',
      'redis-cli',
      '-c',
      '-h',
      host,
      '-p',
      port,
      ...(ca === undefined ? [] : ['--tls', '--cacert', ca]),
    ];
  }),
  known('ioredis', 'ioredis.mjs', 'natMap'),
  known('node-redis', 'node-redis.mjs', 'nodeAddressMap'),
  known('valkey-glide', 'valkey-glide.mjs', undefined, nodeClient('valkey-glide', '@valkey/valkey-glide')),
  known('redis-py', 'redis-py.py', 'address_remap'),
  { ...known(DEBIAN_PYTHON, 'redis-py.py', undefined), debian: 'python3-redis' },
  debian('phpredis', 'php-redis', 'php -r \'echo phpversion("redis");\'', () => ['php', `${PROGRAMS}/phpredis.php`]),
  debian('Predis', 'php-predis', 'php -r \'require "Predis/autoload.php"; echo Predis\\Client::VERSION;\'', () => [
    'php',
    `${PROGRAMS}/predis.php`,
  ]),
  debian('redis-rb', 'ruby-redis', "ruby -r redis -e 'puts Redis::VERSION'", () => ['ruby', `${PROGRAMS}/redis-rb.rb`]),
  known('go-redis', 'go-redis.go', 'Dialer'),
  known('Jedis', 'Jedis.java', 'hostAndPortMapper'),
  known('Lettuce', 'Lettuce.java', 'socketAddressResolver'),
];

/** One of those whose snippets are run, too. */
function known(
  name: string,
  program: string,
  mapOption: string | undefined,
  client = CLIENTS.find((one) => nameOf(one) === name),
): UnmappedClient {
  if (client === undefined) throw new Error(`no client ${name}`);
  return {
    name,
    words: [client.language, client.snippet],
    mapOption,
    install: async (folder) => {
      const version = await client.install(folder);
      if (version === undefined) return undefined;
      for (const file of [program, 'lines.mjs']) copyFileSync(join(PROGRAMS, file), join(folder, file));
      await client.build?.(folder, join(folder, program));
      return version;
    },
    command: (folder) => client.command(folder, join(folder, program)),
  };
}

function debian(
  name: string,
  needs: NonNullable<UnmappedClient['debian']>,
  version: string,
  command: UnmappedClient['command'],
): UnmappedClient {
  return {
    name,
    words: [name],
    mapOption: undefined,
    debian: needs,
    install: async () => (lacks(needs) ? undefined : (await $`sh -c ${version}`).stdout.trim()),
    command,
  };
}
