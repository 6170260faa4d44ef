import { expect, test } from 'vitest';
import type { ReachableView } from '../../../../src/cluster/nodes/view.ts';
import { findUnreadable, findUnreadableVolume } from '../../../../src/plan/engine/other-server.ts';
import type { Observed, Wanted } from '../../../../src/plan/model/observed.ts';
import type { Server } from '../../../../src/plan/model/server.ts';
import {
  healthyViews,
  NOTHING,
  observedAfterUp,
  specOf,
  wantedFor,
  withContainer,
  withoutContainer,
} from '../../../helpers/builders.ts';
import { hintText } from '../../../helpers/hint-text.ts';

const spec = specOf({ primaries: 3, replicas: 1 });
const running = observedAfterUp(wantedFor(spec));

function wants(server: Server | undefined): Wanted {
  return { ...wantedFor(spec, { imageId: 'sha256:two' }), server };
}

function views(server: string): ReachableView[] {
  const [, redisVersion = ''] = server.split(' ');
  return healthyViews(spec).map((view) => ({ ...view, server, redisVersion }));
}

const OLD: Server = { name: 'redis', version: '7.0.15' };
const NEW: Server = { name: 'redis', version: '8.6.3' };
const VALKEY: Server = { name: 'valkey', version: '9.1.2' };

test('a server that is older than what runs is refused, and the hint is the image that runs', () => {
  const [conflict, ...others] = findUnreadable('dev', wants(OLD), running, views('Redis 8.0.2'));
  expect(others).toEqual([]);
  expect(conflict?.code).toBe('DATA_AT_RISK');
  expect(conflict?.message).toBe(
    "the data of redis-1, redis-2, redis-3, redis-4, redis-5 and redis-6 is in version 12 of RDB, that of Redis 8.0.2: Redis 7.0.15 of redis:7-alpine can't read it; no node was stopped",
  );
  expect(hintText(conflict?.hint ?? '')).toBe(
    'Set redis.image in the YAML file back to redis:7-alpine, then: npx tsx manage.ts up   # every key is there',
  );
});

test('Redis 8 in Valkey 9: a copy may be tried', () => {
  const [conflict] = findUnreadable('dev', wants(VALKEY), running, views('Redis 8.6.3'));
  expect(conflict?.message).toContain('version 13 of RDB');
  expect(hintText(conflict?.hint ?? '')).toContain('npx tsx manage.ts cluster backup DIR');
  expect(hintText(conflict?.hint ?? '')).toContain('rdb-version-check relaxed');
});

test('of nodes that don’t run, their files tell', () => {
  const formats = new Map([['dev-redis-2', 12]]);
  const stopped: Observed = { ...withContainer(running, 'dev-redis-2', { state: 'exited' }), formats };
  expect(findUnreadable('dev', wants(OLD), stopped, [])[0]?.message).toBe(
    "the data of redis-2 is in version 12 of RDB: Redis 7.0.15 of redis:7-alpine can't read it; no node was stopped",
  );
  expect(findUnreadable('dev', wants(NEW), stopped, [])).toEqual([]);
});

test('upgrades, servers that aren’t known and the same image go through', () => {
  expect(findUnreadable('dev', wants(NEW), running, views('Redis 7.0.15'))).toEqual([]);
  expect(findUnreadable('dev', wants(undefined), running, views('Redis 8.6.3'))).toEqual([]);
  expect(findUnreadable('dev', wants(OLD), running, views('Redis 9.0.0'))).toEqual([]);
  expect(findUnreadable('dev', { ...wantedFor(spec), server: OLD }, running, views('Redis 8.6.3'))).toEqual([]);
  expect(findUnreadable('dev', wants(OLD), NOTHING, [])).toEqual([]);
});

test('a replica that an upgrade has reached gets its data anew on the way back: its primary has them', () => {
  const formats = new Map([['dev-redis-4', 13]]);
  const others = wantedFor(spec, { imageId: 'sha256:two' });
  const names = [...others.containers.values()].map(({ name }) => name).filter((name) => name !== 'dev-redis-4');
  const back = names.reduce((seen, name) => withContainer(seen, name, { imageId: 'sha256:two' }), running);
  const away = views('Redis 7.0.15').filter(({ name }) => name !== 'redis-4');
  const [conflict] = findUnreadable('dev', wants(OLD), { ...back, formats }, away);
  expect(hintText(conflict?.hint ?? '')).toBe(
    'docker rm -fv dev-redis-4 && docker volume rm dev-redis-4-data   # replicas: their primaries have every key. Then: npx tsx manage.ts up',
  );
  // Without the primary nobody knows.
  const [alone] = findUnreadable('dev', wants(OLD), { ...withoutContainer(back, 'dev-redis-1'), formats }, []);
  expect(hintText(alone?.hint ?? '')).toContain('Set redis.image');
});

test('a volume without a container: nobody knows the image that has written it', () => {
  expect(findUnreadableVolume(wants(NEW), 'redis-1', 12)).toBeUndefined();
  expect(findUnreadableVolume(wants(OLD), 'redis-1', undefined)).toBeUndefined();
  const conflict = findUnreadableVolume(wants(OLD), 'redis-1', 12);
  expect(conflict?.message).toContain(
    "the data of redis-1 is in version 12 of RDB: Redis 7.0.15 of redis:7-alpine can't",
  );
  expect(hintText(conflict?.hint ?? '')).toContain('or a newer one');
});
