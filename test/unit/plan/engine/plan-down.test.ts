import { describe, expect, test } from 'vitest';
import { planText } from '../../../../src/plan/model/action.ts';
import { networkGuests, planDown } from '../../../../src/plan/engine/plan-down.ts';
import {
  labelsOf,
  NOTHING,
  observedAfterUp,
  specOf,
  strangerOf,
  wantedFor,
  withContainer,
} from '../../../helpers/builders.ts';

const running = observedAfterUp(wantedFor(specOf()));

describe('planDown', () => {
  test('stops and removes the containers, then the network; the volumes stay', () => {
    expect(planText(planDown('dev', running, false))).toMatchInlineSnapshot(`
      "~ stop container dev-redis-1  (down)
      - remove container dev-redis-1  (down)
      ~ stop container dev-redis-2  (down)
      - remove container dev-redis-2  (down)
      ~ stop container dev-redis-3  (down)
      - remove container dev-redis-3  (down)
      - remove network dev-services  (down)
      "
    `);
  });

  test('with --volumes the data goes too, and each of these deletions is marked destructive', () => {
    const actions = planDown('dev', running, true);
    expect(planText(actions)).toMatchInlineSnapshot(`
      "- remove container dev-redis-1  (down)
      - remove container dev-redis-2  (down)
      - remove container dev-redis-3  (down)
      - remove network dev-services  (down)
      ! remove volume dev-redis-1-data  (down --volumes)
      ! remove volume dev-redis-2-data  (down --volumes)
      ! remove volume dev-redis-3-data  (down --volumes)
      "
    `);
    expect(actions.filter(({ destructive }) => destructive).map(({ type }) => type)).toEqual([
      'remove volume',
      'remove volume',
      'remove volume',
    ]);
  });

  test('a container is removed once it has stopped, the network and the volume once their containers are gone', () => {
    const after = new Map(
      [...planDown('dev', running, false), ...planDown('dev', running, true)].map(({ type, target, after: keys }) => [
        `${type} ${target}`,
        keys,
      ]),
    );
    const removals = [1, 2, 3].map((number) => `remove container dev-redis-${number}`);
    expect(after.get('remove network dev-services')).toEqual(removals);
    expect(after.get('remove volume dev-redis-2-data')).toEqual(['remove container dev-redis-2']);
    expect(planDown('dev', running, false).find(({ type }) => type === 'remove container')?.after).toEqual([
      'stop container dev-redis-1',
    ]);
  });

  test('a container that does not run needs no stop', () => {
    const observed = withContainer(withContainer(running, 'dev-redis-1', { state: 'exited' }), 'dev-redis-2', {
      state: 'created',
    });
    expect(planDown('dev', observed, false).filter(({ type }) => type === 'stop container')).toMatchObject([
      { target: 'dev-redis-3' },
    ]);
  });

  test('a second down changes nothing', () => {
    expect(planDown('dev', { ...NOTHING, volumes: running.volumes }, false)).toEqual([]);
    expect(planDown('dev', NOTHING, true)).toEqual([]);
  });

  test('only what carries the label of this stack is touched, whatever its name', () => {
    const others = {
      networks: running.networks.map((one) => ({ ...one, labels: labelsOf('other') })),
      containers: running.containers.map((one) => ({ ...one, labels: {} })),
      volumes: running.volumes.map((one) => ({ ...one, labels: labelsOf('other') })),
    };
    expect(planDown('dev', others, true)).toEqual([]);
  });

  test('a container that the YAML file does not name any more goes too', () => {
    const old = strangerOf({ name: 'dev-redis-9', labels: labelsOf('dev') });
    const targets = planDown('dev', { ...running, containers: [...running.containers, old] }, false).map(
      ({ type, target }) => `${type} ${target}`,
    );
    expect(targets).toContain('remove container dev-redis-9');
  });

  test('a network on which a container of somebody else is stays', () => {
    const guest = strangerOf({ addresses: { 'dev-services': '' } });
    const present = { ...running, containers: [...running.containers, guest] };
    expect(planDown('dev', present, true).filter(({ type }) => type === 'remove network')).toEqual([]);
    expect(networkGuests('dev', { name: 'dev-services' }, present)).toEqual(['stranger']);
  });

  test('own containers, and strangers elsewhere, are no guests', () => {
    const elsewhere = strangerOf({ addresses: { bridge: '172.17.0.2' } });
    expect(networkGuests('dev', { name: 'dev-services' }, { containers: [...running.containers, elsewhere] })).toEqual(
      [],
    );
  });
});
