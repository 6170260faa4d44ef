/** Completion, in the shells that there are: their scripts, and what the program answers to them. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { SECTIONS } from '../../../../src/cli/commands.ts';
import { offersFor } from '../../../../src/cli/core/complete-line.ts';
import { buildGrammar } from '../../../../src/cli/core/grammar.ts';
import { lacks } from '../../../helpers/clients.ts';
import { useTempFolders } from '../../../helpers/temp-folder.ts';

const NODES = ['redis-1', 'redis-2', 'db'];

/** What is offered in place of the last word, the part behind the last space. */
async function offered(line: string, asked: (file: string | undefined) => void = () => undefined): Promise<string[]> {
  const root = buildGrammar(SECTIONS, { program: 'redis-cluster' });
  const { offers, files } = await offersFor(line.split(' '), root, async (file) => {
    asked(file);
    return NODES;
  });
  return files === true ? ['FILES'] : offers.map(({ value }) => value);
}

describe('what is offered for', () => {
  test.each([
    ['st', ['status']],
    ['cluster res', ['reshard', 'restore', 'reset']],
    ['secrets ', ['init', 'rotate', 'help']],
    ['--', ['--version', '--help']],
    ['up --ti', ['--timeout']],
    ['down --a', ['--all-stale']],
    ['logs ', NODES],
    ['logs redis-1 ', []],
    ['restart redis-1 ', ['redis-2', 'db']],
    ['logs --follow r', ['redis-1', 'redis-2']],
    ['logs --tail ', []],
    ['logs --tail 5 d', ['db']],
    ['cluster reshard --to ', NODES],
    ['cluster reshard --to=d', ['db']],
    ['cluster reshard --from redis-2,', ['redis-2,redis-1', 'redis-2,db']],
    // As bash takes it apart.
    ['cluster reshard --to =', NODES],
    ['cluster reshard --to = d', ['db']],
    ['cluster reshard --to = db --sl', ['--slots']],
    ['cluster failover ', NODES],
    ['cluster add-node ', []],
    ['cluster backup ', ['FILES']],
    ['up -f ', ['FILES']],
    ['doctor --bundle ', ['FILES']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['completion z', ['zsh']],
    ['redis-cli GET ', []],
    ['redis-cli -- ', []],
    ['up ', []],
    ['up --nothing ', []],
    ['xyzzy ', []],
    ['', expect.arrayContaining(['up', 'cluster', 'help'])],
  ])('%s', async (line, expected) => {
    expect(await offered(line)).toEqual(expected);
  });

  test('nodes of the file that the line names, wherever it names it', async () => {
    const asked: (string | undefined)[] = [];
    for (const line of ['logs ', 'logs -f a.yaml ', 'logs --file=b.yaml ', 'logs --file = c.yaml ']) {
      await offered(line, (file) => asked.push(file));
    }
    expect(asked).toEqual([undefined, 'a.yaml', 'b.yaml', 'c.yaml']);
  });

  test('a command or an option: no file is read', async () => {
    for (const line of ['', 'cluster ', 'up --', 'up -f ', 'cluster backup ']) {
      await offered(line, () => expect.unreachable(line));
    }
  });
});

/** A folder as a person's: the program on the PATH, a stack, one with a mistake, and no engine. */
const tempFolder = useTempFolders();
let folder: string;
beforeEach(async () => {
  folder = await tempFolder();
  mkdirSync(join(folder, 'bin'));
  const [tsx, manage] = ['node_modules/tsx/dist/loader.mjs', 'manage.ts'].map((path) => join(process.cwd(), path));
  const program = `#!/bin/sh\nexec '${process.execPath}' --import '${tsx}' '${manage}' "$@"\n`;
  writeFileSync(join(folder, 'bin/redis-cluster'), program, { mode: 0o755 });
  const yaml = readFileSync('infra/dev-services.yaml', 'utf8');
  writeFileSync(join(folder, 'other.yaml'), yaml.replaceAll('redis-1:', 'other-1:'));
  writeFileSync(join(folder, 'broken.yaml'), 'name: [');
});

function inShell(shell: string, args: readonly string[]): string {
  const env = { ...process.env, PATH: `${folder}/bin:${process.env['PATH'] ?? ''}`, DOCKER_HOST: 'tcp://127.0.0.1:1' };
  const ran = spawnSync(shell, args, { cwd: folder, env: { ...env, HOME: folder, TERM: 'xterm' }, encoding: 'utf8' });
  // A completion that says anything spoils the line that a person is typing.
  expect(ran.stderr).toBe('');
  return ran.stdout;
}

test.skipIf(lacks('bash'))('bash: the script gives the words, and evaluates none of them', () => {
  writeFileSync(join(folder, 'kept'), 'of the user');
  const script = `
    source <(redis-cluster completion bash)
    # Twice is no mistake: a new shell in a shell.
    source <(redis-cluster completion bash)
    ask() { COMP_WORDS=(redis-cluster "$@") COMP_CWORD=$#; __redis_cluster_complete; echo "\${COMPREPLY[*]}"; }
    complete -p redis-cluster
    ask cluster resh
    ask logs redis
    ask cluster reshard --to = redis-3
    ask logs -f other.yaml o
    ask logs -f broken.yaml ''
    ask env '>' kept ''
    ask logs '$(touch made)' ''`;
  expect(inShell('bash', ['--norc', '-c', script]).split('\n')).toEqual([
    'complete -o default -F __redis_cluster_complete redis-cluster',
    'reshard',
    'redis-1 redis-2 redis-3',
    'redis-3',
    'other-1',
    '',
    '',
    '',
    '',
  ]);
  expect(readFileSync(join(folder, 'kept'), 'utf8')).toBe('of the user');
  expect(() => readFileSync(join(folder, 'made'))).toThrow('ENOENT');
});

test.skipIf(lacks('fish'))('fish: the words with what they are for', () => {
  const ask = (line: string): string => `echo "> ${line}"; complete -C '${line}'`;
  const lines = ['cluster resh', 'logs redis', 'cluster reshard --to=', 'logs -f other.yaml o', 'up -f oth'];
  const broken = 'redis-cluster logs -f broken.yaml ';
  const asked = [...lines.map((line) => `redis-cluster ${line}`), broken].map(ask).join('\n');
  const out = inShell('fish', ['--no-config', '-c', `redis-cluster completion fish | source\n${asked}`]);
  expect(out.split('\n')).toEqual([
    '> redis-cluster cluster resh',
    'reshard\tmove slots with their keys to one primary, while clients go on',
    '> redis-cluster logs redis',
    'redis-1',
    'redis-2',
    'redis-3',
    '> redis-cluster cluster reshard --to=',
    '--to=redis-1',
    '--to=redis-2',
    '--to=redis-3',
    '> redis-cluster logs -f other.yaml o',
    'other-1',
    '> redis-cluster up -f oth',
    'other.yaml',
    `> ${broken}`,
    '',
  ]);
});

test.skipIf(lacks('zsh'))('zsh: Tab on a terminal completes the line', () => {
  // An interactive shell on a pseudo-terminal of zsh's own. Ctrl-T shows what the line has become.
  const script = `
    zmodload zsh/zpty
    zpty inner zsh -f -i
    zpty -w inner 'autoload -Uz compinit; compinit -u -D; source <(redis-cluster completion zsh)
      show() { print -r -- "=<$BUFFER>="; BUFFER= }; zle -N show; bindkey "^T" show; print REA""DY'
    zpty -r inner out '*READY*'
    for line in "$@"; do
      zpty -n -w inner "$line"$'\\t\\C-t'
      zpty -r inner out '*=<*>=*'
      print -r -- "\${\${out##*=<}%>=*}"
    done`;
  const lines = [
    ['redis-cluster cluster resh', 'redis-cluster cluster reshard '],
    ['redis-cluster logs r', 'redis-cluster logs redis-'],
    ['redis-cluster down --all', 'redis-cluster down --all-stale '],
    ['redis-cluster cluster reshard --to=redis-3', 'redis-cluster cluster reshard --to=redis-3 '],
    ['redis-cluster logs -f other.yaml o', 'redis-cluster logs -f other.yaml other-1 '],
    ['redis-cluster up -f oth', 'redis-cluster up -f other.yaml '],
    ['redis-cluster logs -f broken.yaml ', 'redis-cluster logs -f broken.yaml '],
  ];
  const out = inShell('zsh', ['-f', '-c', script, 'zsh', ...lines.map(([line = '']) => line)]);
  expect(out).toBe(lines.map(([, completed = '']) => `${completed}\n`).join(''));
});

test.skipIf(lacks('bash') || lacks('fish'))(
  'a function of another name is completed under that name, and asked',
  () => {
    const inBash = `rc() { redis-cluster "$@"; }; source <(rc completion bash --name rc)
    COMP_WORDS=(rc cluster resh) COMP_CWORD=2; __rc_complete; echo "\${COMPREPLY[*]}"`;
    expect(inShell('bash', ['--norc', '-c', inBash])).toBe('reshard\n');
    const inFish = `function rc; redis-cluster $argv; end; rc completion fish --name rc | source; complete -C 'rc logs '`;
    expect(inShell('fish', ['--no-config', '-c', inFish])).toBe('redis-1\nredis-2\nredis-3\n');
  },
);

test('another shell, or a name that is none: an error, and no script', () => {
  const refusal = (...args: readonly string[]): string => {
    const command = `redis-cluster completion ${args.join(' ')} 2>&1 && echo script`;
    return inShell('sh', ['-c', `${command} || true`]);
  };
  expect(refusal('tcsh')).toContain("completion takes bash, zsh or fish, not 'tcsh'");
  expect(refusal('bash', '--name', "'a;b'")).toContain("--name takes one word of letters and digits, not 'a;b'");
});
