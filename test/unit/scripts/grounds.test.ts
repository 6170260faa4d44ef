import { describe, expect, test } from 'vitest';
import { compatibilityPage, type WalkedCell } from '../../../scripts/grounds/page.ts';
import { pairsOf } from '../../../scripts/grounds/pairs.ts';

describe('pairsOf', () => {
  test('without words: each engine and each server, and no pair twice', () => {
    const pairs = pairsOf([]) ?? [];
    expect(pairs).toContainEqual(['podman-5.4-rootless', 'redis-8.0']);
    expect(pairs).toContainEqual(['docker-28', 'valkey-9.1']);
    expect(new Set(pairs.map(String)).size).toBe(pairs.length);
  });

  test('with words: each with each; the usual one where nothing is said', () => {
    expect(pairsOf(['engine=podman-4.3,docker-26', 'server=valkey-8.1'])).toEqual([
      ['podman-4.3', 'valkey-8.1'],
      ['docker-26', 'valkey-8.1'],
    ]);
    expect(pairsOf(['server=redis-7.0'])).toEqual([['docker-28', 'redis-7.0']]);
  });

  test.each(['engine=docker-1', 'server=', 'engine', 'redis-7.0'])('%s is refused', (word) => {
    expect(pairsOf([word])).toBeUndefined();
  });
});

test('the page says what passed, what failed with its first line, and what is not enforced', () => {
  const cell = (engine: WalkedCell['engine'], steps: WalkedCell['steps']): WalkedCell => ({
    engine,
    engineVersion: '1.2.3',
    server: 'redis-8.0',
    serverVersion: '8.0.2',
    commit: 'abc1234',
    steps,
  });
  const passed = { name: 'up from nothing', is: 'passed', seconds: 1 } as const;
  const page = compatibilityPage([
    cell('docker-28', [passed]),
    cell('podman-5.4', [
      passed,
      {
        name: 'restart',
        is: 'failed',
        message: 'restart ended with 1\n✗ redis-2 is gone [NOT_RUNNING]\n  → up',
        seconds: 1,
      },
    ]),
    cell('docker-26-rootless', [
      { name: 'doctor', is: 'not enforced', message: "can't enforce redis.cpus", seconds: 1 },
    ]),
  ]);
  expect(page).toContain('| engine | version | redis-8.0<br>8.0.2 |');
  expect(page).toContain('| docker-28 | 1.2.3 | ✓ 1, abc1234 |');
  expect(page).toContain('| podman-5.4 | 1.2.3 | ✗ 1 of 2, abc1234 |');
  expect(page).toContain("- docker-26-rootless: can't enforce redis.cpus");
  expect(page).toMatch(/## Failed\n\n- podman-5.4, redis-8.0, restart: ✗ redis-2 is gone \[NOT_RUNNING\]\n$/);
});
