/** The README's two commands on a fresh machine, with stub commands in place of whatever would change this one. */
import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const RECORD = 'echo "${0##*/} $*" >>calls';
const STUBS = {
  npm: RECORD,
  // An engine answers once something has started it.
  npx: `${RECORD}; case "$*" in *'prepare.ts engine') [ -e started ] || exit 3 ;; esac`,
  'apt-get': RECORD,
  systemctl: `${RECORD}; touch started`,
  sh: `[ "$1" = -c ] || exec /bin/sh "$@"; ${RECORD}; touch started`,
  rm: RECORD,
  id: 'echo 0',
};
const REAL = ['cat', 'date', 'dirname', 'env', 'touch'];

let checkout: string;
beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'setup-test-'));
  cpSync('scripts', join(checkout, 'scripts'), { recursive: true });
  const bin = join(checkout, 'bin');
  mkdirSync(bin);
  for (const [name, body] of Object.entries(STUBS)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
  }
  symlinkSync(process.execPath, join(bin, 'node'));
  for (const name of REAL) {
    const { stdout } = spawnSync('/bin/sh', ['-c', `command -v ${name}`], { encoding: 'utf8' });
    symlinkSync(stdout.trim(), join(bin, name));
  }
});
afterEach(() => rmSync(checkout, { recursive: true }));

function run(command: string, args: readonly string[], input = '', ci = ''): SpawnSyncReturns<string> {
  const env = { PATH: join(checkout, 'bin'), SHELL: '/bin/sh', CI: ci };
  return spawnSync(command, args, { cwd: checkout, env, input, encoding: 'utf8' });
}

/** The commands that were run, each by its first words. */
function calls(): string[] {
  const lines = readFileSync(join(checkout, 'calls'), 'utf8').trim().split('\n');
  return lines.map((line) => line.replace(/^(systemctl start docker|sh -c setsid dockerd).*/, 'start the engine'));
}

const [bootstrap = '', testRun = ''] = readFileSync('README.md', 'utf8').match(/^sh scripts\/\S+/gm) ?? [];

describe('without a terminal', () => {
  test('bootstrap installs an engine, starts it and brings the stack up', () => {
    const { status, stderr } = run('/bin/sh', ['-c', bootstrap]);
    expect(status).toBe(0);
    expect(stderr.trimEnd().split('\n').at(-1)).toMatch(
      /^· \d+ s to a verified cluster: Node packages \d+ s, engine installed \d+ s, engine started \d+ s, image \d+ s, up \d+ s$/,
    );
    expect(calls()).toEqual([
      'npm ci --include=dev --no-audit --no-fund --loglevel=error',
      'npx tsx scripts/prepare.ts engine',
      'apt-get update -q',
      'apt-get install -y -q --no-install-recommends docker.io iptables',
      'start the engine',
      'npx tsx scripts/prepare.ts engine',
      'npx tsx scripts/prepare.ts image',
      'npx tsx manage.ts up',
    ]);
  });

  test('where all is there, it says how long the rest took; where up fails, it fails', () => {
    writeFileSync(join(checkout, 'started'), '');
    mkdirSync(join(checkout, 'node_modules'));
    writeFileSync(join(checkout, 'node_modules/.package-lock.json'), '');
    const again = run('/bin/sh', ['-c', bootstrap]);
    expect([again.status, again.stderr]).toEqual([
      0,
      expect.stringMatching(/^· \d+ s to a verified cluster: image \d+ s, up \d+ s\n$/),
    ]);
    writeFileSync(join(checkout, 'bin/npx'), '#!/bin/sh\ncase "$*" in *up) exit 7 ;; esac\n', { mode: 0o755 });
    expect(run('/bin/sh', ['-c', bootstrap])).toMatchObject({ status: 7, stderr: '' });
  });

  test('the test run installs the clients that the tests use, too', () => {
    expect(run('/bin/sh', ['-c', testRun]).status).toBe(0);
    // An sshd where no systemd would start it.
    const packages =
      /^apt-get install .* redis-tools openssl python3-redis python3-dotenv php-cli php-redis php-predis ruby-redis chromium fonts-dejavu-core zsh fish( openssh-server)?$/;
    expect(calls()).toContainEqual(expect.stringMatching(packages));
    expect(calls().slice(-2)).toEqual(['npm run --silent check', 'npx tsx scripts/test.ts']);
  });
});

/** On a pseudo-terminal, which util-linux's `script` makes. */
describe.skipIf(spawnSync('script', ['--version']).status !== 0)('on a terminal', () => {
  const onTerminal = (input: string, ci = ''): SpawnSyncReturns<string> => {
    const { stdout } = spawnSync('/bin/sh', ['-c', 'command -v script'], { encoding: 'utf8' });
    return run(stdout.trim(), ['-qec', bootstrap, '/dev/null'], input, ci);
  };

  test.each(['n\n', '\n'])('whoever answers %j gets nothing installed', (answer) => {
    const { status, stdout } = onTerminal(answer);
    expect(stdout).toContain('Install docker.io with apt-get? [y/N]');
    expect(stdout).toContain('--yes');
    expect(status).toBe(1);
    expect(calls()).not.toContainEqual(expect.stringContaining('apt-get'));
  });

  test('whoever answers y gets an engine', () => {
    expect(onTerminal('y\n').status).toBe(0);
    expect(calls()).toContainEqual(expect.stringContaining('apt-get install'));
  });

  test('CI is not asked', () => {
    const { status, stdout } = onTerminal('', 'true');
    expect(stdout).not.toContain('[y/N]');
    expect(status).toBe(0);
  });
});
