import { EventEmitter } from 'node:events';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { interrupts } from '../../../src/cli/program.ts';

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
