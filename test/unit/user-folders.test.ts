import { homedir } from 'node:os';
import { describe, expect, test } from 'vitest';
import { homeFolder, stateFolder } from '../../src/user-folders.ts';

describe('where a stack’s password and certificates are kept', () => {
  test.each([
    [{ HOME: '/home/me' }, '/home/me/.local/state/redis-cluster-as-code/dev'],
    [{ HOME: '/home/me', XDG_STATE_HOME: '/state' }, '/state/redis-cluster-as-code/dev'],
    [{ HOME: '/home/me', XDG_STATE_HOME: '' }, '/home/me/.local/state/redis-cluster-as-code/dev'],
    [{ HOME: '' }, `${homedir()}/.local/state/redis-cluster-as-code/dev`],
    [{ HOME: 'me' }, `${homedir()}/.local/state/redis-cluster-as-code/dev`],
    [{ HOME: '/home/me', XDG_STATE_HOME: 'state' }, '/home/me/.local/state/redis-cluster-as-code/dev'],
    [{ HOME: '/home/me', XDG_STATE_HOME: './state' }, '/home/me/.local/state/redis-cluster-as-code/dev'],
  ])('with %j is %s', (env, place) => {
    expect(stateFolder('dev', env)).toBe(place);
  });

  test('is another folder for another stack', () => {
    expect(stateFolder('dev', { HOME: '/home/me' })).not.toBe(stateFolder('test', { HOME: '/home/me' }));
  });

  test('is below the home folder of this user, where the environment names none', () => {
    expect(homeFolder({})).toBe(homedir());
  });
});
