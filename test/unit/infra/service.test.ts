/** The service and the cron lines of docs/operations.md: what somebody copies from there has to work. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { SECTIONS } from '../../../src/cli/commands.ts';
import { parseCommandLine } from '../../../src/cli/core/parse-command-line.ts';

const text = readFileSync('docs/operations.md', 'utf8');
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(text)?.[1] ?? '';
const unit = block('ini');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

const COMMAND = /\/srv\/shop\/node_modules\/\.bin\/redis-cluster (.*)$/gm;

describe.each([
  ['the service', unit, ['up --watch']],
  ['cron', block('crontab'), ['up', 'up']],
])('%s', (_name, lines, expected) => {
  test('calls the program with command lines that it understands', async () => {
    const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
    const found = await Promise.all(
      [...lines.matchAll(COMMAND)].map(async ([, words = '']) => {
        const parsed = await parseCommandLine(words.split(' '), SECTIONS, {
          stdout,
          stderr: stdout,
          program: 'rc',
        } as never);
        if (!('command' in parsed)) throw new Error(`not understood: ${words}`);
        expect(parsed.file).toBe('/srv/shop/redis-cluster.yaml');
        return `${parsed.command.name}${parsed.options['watch'] === true ? ' --watch' : ''}`;
      }),
    );
    expect(found).toEqual(expected);
  });
});

test('cron says nothing while there is nothing to do, and when', () => {
  for (const line of block('crontab').trim().split('\n')) {
    expect(line).toMatch(/^(@reboot|(\S+ ){4}\S+) +\/srv\S+ up -q /);
  }
});

test('the service is begun again however it ended, but for a YAML file that is refused', () => {
  expect(unit).toMatch(/^After=docker\.service network-online\.target$/m);
  expect(unit).toMatch(/^Restart=always$/m);
  expect(unit).toMatch(/^RestartPreventExitStatus=2$/m);
});

test.skipIf(!hasSystemd)(
  `systemd understands all of it${hasSystemd ? '' : ' (no systemd-analyze on this machine)'}`,
  () => {
    const folder = mkdtempSync(join(tmpdir(), 'service-test-'));
    const file = join(folder, 'redis-cluster.service');
    const here = unit
      .replace(/\/srv\S+redis-cluster(?= )/, process.execPath)
      .replace('User=me', `User=${userInfo().username}`);
    writeFileSync(file, here);
    try {
      const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      // Of other units of this machine it may complain as well.
      const about = stderr.split('\n').filter((line) => line.includes('redis-cluster.service'));
      expect({ status, about }).toEqual({ status: 0, about: [] });
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
