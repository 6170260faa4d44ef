import { describe, expect, test } from 'vitest';
import { newAction, type Action } from '../../../src/plan/model/action.ts';
import type { Observed } from '../../../src/plan/model/observed.ts';
import type { Container } from '../../../src/plan/model/resources.ts';
import type { Scene, Upkeep } from '../../../src/plan/scene.ts';
import { isTakenDown, upkeepOf } from '../../../src/plan/upkeep.ts';
import { NOTHING, observedAfterUp, specOf, wantedFor, withContainer } from '../../helpers/builders.ts';

const spec = specOf({ primaries: 3 });
const wanted = wantedFor(spec);
const running = observedAfterUp(wanted);
const first = `${spec.name}-redis-1`;

const withState = (state: Container['state']): Observed => withContainer(running, first, { state });

function kept(planned: readonly Action[], upkeep: Upkeep | undefined, engine: Observed = running): string[] {
  return upkeepOf(planned, { upkeep, wanted, engine } as Scene).map(({ type, target }) => `${type} ${target}`);
}

const start = [newAction('configure container', first, ''), newAction('start container', first, '')];
const replace = [
  newAction('stop container', first, ''),
  newAction('remove container', first, ''),
  newAction('create container', first, ''),
  ...start,
];

describe('what is done unasked', () => {
  test('for who asks, all of it', () => {
    expect(kept(replace, undefined)).toHaveLength(replace.length);
  });

  test('a container that has ended is started, or recreated where it has to be', () => {
    expect(kept(start, 'all', withState('exited'))).toEqual([
      `configure container ${first}`,
      `start container ${first}`,
    ]);
    expect(kept(replace, 'all', withState('dead'))).toHaveLength(replace.length);
  });

  test('what somebody set by hand stays, and nothing is given up', () => {
    const byHand = newAction('set config', 'redis-1', '', { name: 'maxmemory', value: '1', isByHand: true });
    const risky: Action = { ...newAction('forget owner', 'redis-1', '', { nodeId: 'x' }), destructive: true };
    expect(kept([byHand, newAction('update container', first, ''), risky], 'all')).toEqual([]);
  });

  test('where the plan would end a node that runs, no more than starts', () => {
    const second = newAction('start container', `${spec.name}-redis-2`, '');
    const engine = withContainer(running, second.target, { state: 'exited' });
    expect(kept([...replace, second], 'all', engine)).toEqual([`start container ${second.target}`]);
    expect(kept([newAction('remove network', 'dev', ''), second], 'all', engine)).toEqual([
      `start container ${second.target}`,
    ]);
  });

  test('while the YAML file is not applied, what has run before is started as it is, and nothing is made', () => {
    expect(kept(start, 'starts', withState('exited'))).toEqual([`start container ${first}`]);
    expect(kept(start, 'starts', withState('created'))).toEqual([]);
    expect(kept(replace, 'starts', withState('exited'))).toEqual([]);
    expect(kept([newAction('unpause container', first, '')], 'starts')).toEqual([`unpause container ${first}`]);
    expect(kept([newAction('create network', 'dev', '')], 'starts')).toEqual([]);
  });

  test("another file's containers are left alone", () => {
    const other = newAction('remove container', `${spec.name}-redis-9`, 'not in the YAML file any more');
    expect(kept([other], 'all')).toEqual([]);
  });
});

test('a stack of which no container is left was taken down', () => {
  expect(isTakenDown(spec.name, running)).toBe(false);
  expect(isTakenDown(spec.name, withState('exited'))).toBe(false);
  expect(isTakenDown(spec.name, { ...NOTHING, volumes: running.volumes })).toBe(true);
  expect(isTakenDown('other', running)).toBe(true);
});
