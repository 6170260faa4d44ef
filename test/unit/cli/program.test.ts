import { EventEmitter } from 'node:events';
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { calledAs, interrupts } from '../../../src/cli/program.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

function pretended(): { send: (name: NodeJS.Signals) => void; signal: AbortSignal; exits: number[] } {
  const exits: number[] = [];
  const emitter = Object.assign(new EventEmitter(), { exit: (code: number) => exits.push(code) });
  const { signal } = interrupts(emitter as unknown as NodeJS.Process);
  return { send: (name) => void emitter.emit(name, name), signal, exits };
}

test('one Ctrl-C that arrives twice lets the work come to an orderly end', () => {
  const { send, signal, exits } = pretended();
  send('SIGINT');
  vi.advanceTimersByTime(20);
  send('SIGINT');
  expect(signal.reason).toMatchObject({ code: 'INTERRUPTED' });
  expect(exits).toEqual([]);
});

test('a second one ends the process at once, and so does time', () => {
  const impatient = pretended();
  impatient.send('SIGINT');
  vi.advanceTimersByTime(1000);
  impatient.send('SIGTERM');
  expect(impatient.exits).toEqual([143]);

  const patient = pretended();
  patient.send('SIGTERM');
  expect(patient.signal.reason).toMatchObject({ code: 'TERMINATED' });
  vi.advanceTimersByTime(5000);
  expect(patient.exits).toEqual([143]);
});

test.each([
  ['node_modules/.bin/redis-cluster', '.', 'npx redis-cluster'],
  ['node_modules/redis-cluster-as-code/dist/cli.js', 'src/cli', 'npx redis-cluster'],
  ['node_modules/.bin/redis-cluster', '..', 'redis-cluster'],
  ['/usr/local/bin/redis-cluster', '.', 'redis-cluster'],
  ['/home/you/.npm/_npx/0123/node_modules/.bin/redis-cluster-as-code', '.', 'npx redis-cluster-as-code'],
])('who started %s, and stands in %s, types %s', (script, folder, command) => {
  const project = realpathSync('.');
  expect(calledAs(script.startsWith('/') ? script : join(project, script), join(project, folder))).toBe(command);
});
