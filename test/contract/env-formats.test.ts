/** What `env` writes, read by the programs that it is written for: passwords that people have, and some that nobody should. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constantFrom, sample, string } from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { render, rendered, type Format, type Variables } from '../../src/cli/commands/env/formats.ts';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { lacks } from '../helpers/clients.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'env-formats-'));
  file = join(folder, 'written.env');
});
afterAll(() => rmSync(folder, { recursive: true }));

const PRINTED = 'process.stdout.write(JSON.stringify(process.env))';
const PYTHON = `import json, os, sys, dotenv
dotenv.load_dotenv(sys.argv[1], override=True)
sys.stdout.write(json.dumps(dict(os.environ)))`;

interface Reader {
  readonly format: Format;
  readonly read: () => Variables;
}

const parse = (text: string): Variables => JSON.parse(text) as Variables;
const READERS: Readonly<Record<string, Reader>> = {
  'node --env-file': {
    format: 'dotenv',
    read: () => parse(execFileSync(process.execPath, [`--env-file=${file}`, '-e', PRINTED], { encoding: 'utf8' })),
  },
  'python-dotenv': {
    format: 'dotenv',
    read: () => parse(execFileSync('/usr/bin/python3', ['-c', PYTHON, file], { encoding: 'utf8' })),
  },
  'bash source': {
    format: 'shell',
    read: () => {
      const script = 'set -eu; source "$1"; exec "$2" -e "$3"';
      const args = ['-c', script, 'bash', file, process.execPath, PRINTED];
      return parse(execFileSync('bash', args, { encoding: 'utf8' }));
    },
  },
  'docker run --env-file': {
    format: 'docker',
    read: () => {
      const args = ['run', '--rm', '--network', 'none', '--env-file', file, '--entrypoint', 'cat', LOCAL_IMAGE];
      const printed = execFileSync('docker', [...args, '/proc/self/environ'], { encoding: 'utf8' });
      return Object.fromEntries(printed.split('\0').map((one) => /^([^=]*)=([^]*)$/.exec(one)?.slice(1) ?? []));
    },
  },
};

const PASSWORDS = [
  `say "hi" it's\\me`,
  'back\\slash \\n \\" \\\\',
  '$HOME ${HOME} $(id) `id`',
  'a#b #c',
  '  leading and trailing  ',
  'ü and 😀',
  'two\nlines\n',
  `'`,
  '"',
  `'"`,
  '#',
  '',
  'the end \\',
  'a=b',
  'a\rb',
  '{"172.20.0.13:6379":{"host":"127.0.0.1","port":6379}}',
  '/home/some one/it\'s "here"/password',
];
const MARKS = ["'", '"', '`', '\\', '$', '#', '{', '}', '=', ':', '-', '%', ' ', '\t', '\n', '\r', 'n', 'é', '😀'];
const isCarried = (value: string, format: Format): boolean => typeof rendered({ VALUE: value }, format) === 'string';

describe.each(Object.entries(READERS))('%s', (name, { format, read }) => {
  const isAbsent = name === 'python-dotenv' ? lacks('python3-dotenv') : spawnSync(name.split(' ')[0] ?? '').error;
  test.skipIf(isAbsent)('reads each value as it is, of all that the format carries', () => {
    const values = [...PASSWORDS, ...sample(string({ unit: constantFrom(...MARKS) }), 300)].filter((value) =>
      isCarried(value, format),
    );
    expect(values.length).toBeGreaterThan(100);
    expect(values).toContain(`say "hi" it's\\me`);
    const variables = Object.fromEntries(values.map((value, index) => [`VALUE_${index}`, value]));
    writeFileSync(file, `${render(variables, format)}\n`);
    expect(read()).toMatchObject(variables);
  });
});
