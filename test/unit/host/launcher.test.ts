import { expect, test } from 'vitest';
import { launchersAmong } from '../../../src/host/launcher.ts';

test.each([
  [
    'npx tsx manage.ts',
    [
      'node /a/node_modules/.bin/tsx manage.ts serve',
      "sh -c 'tsx' manage.ts serve",
      'npm exec tsx manage.ts serve',
      '-bash',
    ],
    [0, 1, 2],
  ],
  ['npx of a command', ["sh -c 'redis-cluster' serve", 'npm exec redis-cluster serve', '-zsh'], [0, 1]],
  ['a shell that becomes the command', ['npm exec redis-cluster serve', '-bash'], [0]],
  ['npm run', ['/bin/sh -c build && redis-cluster serve 2>&1', 'npm run dev', '-bash'], [0, 1]],
  ['tsx alone', ['/usr/bin/node /a/tsx/dist/cli.mjs manage.ts serve', 'bash'], [0]],
  ['a shell', ['-bash', 'sshd: ann'], []],
  ['in the background of a shell for one command', ['sh -c redis-cluster serve & echo started', 'npm exec x'], []],
  ['in a script', ['sh ./start.sh', 'npm run start'], []],
  ['setsid', ['setsid redis-cluster serve', 'sh -c x'], []],
  ['nobody', ['/sbin/init'], []],
])('of %s those count that only wait', (_case, commands, counted) => {
  expect(launchersAmong(commands.map((command, pid) => ({ pid, command })))).toEqual(counted);
});
