import { describe, expect, test } from 'vitest';
import { findDisruptive } from '../../../../src/plan/cluster/plan-roll.ts';
import { findConflicts } from '../../../../src/plan/engine/conflicts.ts';
import { changedLimits, findReconfigured, unsetLimits } from '../../../../src/plan/engine/drift.ts';
import { keyOf, planText } from '../../../../src/plan/model/action.ts';
import { planUp } from '../../../../src/plan/engine/plan-up.ts';
import type { Observed } from '../../../../src/plan/model/observed.ts';
import type { ContainerSettings } from '../../../../src/plan/model/resources.ts';
import { LABELS } from '../../../../src/plan/model/names.ts';
import {
  observedAfterUp,
  specOf,
  wantedFor,
  withContainer,
  withSettings,
  type Shape,
} from '../../../helpers/builders.ts';

const spec = specOf();
const wanted = wantedFor(spec);
const running = observedAfterUp(wanted);

function plannedFor(shape: Shape, observed: Observed = running, userConf = ''): string {
  const changed = specOf(shape);
  return planText(planUp(changed, wantedFor(changed, { userConf }), observed));
}

/** The lines of one node. */
function linesOf(text: string, container = 'dev-redis-2'): string {
  return text
    .split('\n')
    .filter((line) => line.includes(` ${container} `))
    .join('\n');
}

describe('a change in the YAML file', () => {
  test.each<[string, Shape]>([
    ['maxmemory', { redis: { maxmemory: '128mb' } }],
    ['the eviction policy', { redis: { maxmemoryPolicy: 'noeviction' } }],
    ['how often the file is synced', { redis: { persistence: { appendfsync: 'always' } } }],
    ['the node timeout', { redis: { nodeTimeoutMs: 6000 } }],
    ['full coverage', { redis: { requireFullCoverage: true } }],
  ])('of %s is a setting of the running server: no container is touched', (_name, shape) => {
    expect(plannedFor(shape)).toBe('');
  });

  test.each<[string, Shape, string]>([
    ['more memory', { redis: { memory: '1gb' } }, 'its memory limit is 512 MiB instead of 1 GiB'],
    ['cpus', { redis: { cpus: 0.5 } }, 'its cpu limit is 1 instead of 0.5'],
    [
      'the restart policy',
      { redis: { restartPolicy: 'always' } },
      'its restart policy is unless-stopped instead of always',
    ],
  ])('of %s is made while it runs', (_name, shape, cause) => {
    expect(linesOf(plannedFor(shape))).toBe(`~ update container dev-redis-2  (${cause})`);
  });

  test.each<[string, Shape, string]>([
    ['less memory', { redis: { memory: '300mb' } }, 'its memory limit is 512 MiB instead of 300 MiB'],
    [
      'the host address',
      { redis: { bind: '0.0.0.0' } },
      'its host port of 6379 is 127.0.0.1:7001 instead of 0.0.0.0:7001',
    ],
    [
      'appendonly',
      { redis: { persistence: { appendonly: false } } },
      'it has to start with other values of appendonly',
    ],
    ['TLS switched off', { tls: { enabled: false } }, 'instead of no'],
    ['the plain port closed', { tls: { plain: false } }, 'its host port of 6379 is 127.0.0.1:7001 instead of none'],
    ['a plain bus', { tls: { cluster: false } }, 'other values of tls-cluster'],
    ['clients that show a certificate', { tls: { clientAuth: 'optional' } }, 'other values of tls-auth-clients'],
  ])('of %s needs another container, with the same volume', (_name, shape, cause) => {
    const lines = linesOf(plannedFor(shape)).split('\n');
    expect(lines[0]).toContain('~ stop container dev-redis-2');
    expect(lines[0]).toContain(cause);
    expect(lines.slice(1)).toEqual([
      '- remove container dev-redis-2  (recreated)',
      '+ create container dev-redis-2  (recreated)',
      '~ configure container dev-redis-2  (recreated)',
      '~ start container dev-redis-2  (recreated)',
    ]);
  });

  test.each<[string, Shape]>([
    ['what is the default is said', { tls: { enabled: true, plain: true, cluster: true, issuer: 'private' } }],
    ['certificates are to live longer', { tls: { validityDays: 365 } }],
    ['another signs them', { tls: { issuer: 'files', ca: 'ca.crt', certificate: 'a.crt', key: 'a.key' } }],
    ['the password is in Vault', { secrets: { provider: 'vault', path: 'team/redis' } }],
  ])('touches no container because %s', (_name, shape) => {
    expect(plannedFor(shape)).toBe('');
  });

  test('of the user’s redis.conf: what Redis takes while it runs needs no other container, what it doesn’t does', () => {
    expect(plannedFor({}, running, 'slowlog-max-len 64\ntcp-keepalive 90\n# only words')).toBe('');
    expect(linesOf(plannedFor({}, running, 'io-threads 4'))).toContain(
      '(it has to start with other values of io-threads)',
    );
    const before = {
      ...running,
      config: new Map([...running.config].map(([name, text]) => [name, { ...text, userConf: 'tcp-keepalive 90' }])),
    };
    expect(linesOf(plannedFor({}, before))).toContain('(it has to start with other values of tcp-keepalive)');
  });
});

describe('another configuration is tried before a node that runs is stopped', () => {
  const reconfigured = (
    { userConf = '', imageId = wanted.imageId, shape = {} }: { userConf?: string; imageId?: string; shape?: Shape },
    observed = running,
  ): string | undefined => {
    const changed = specOf(shape);
    const next = { ...wantedFor(changed, { userConf }), imageId };
    return findReconfigured(next, observed, planUp(changed, next, observed));
  };

  test('where it starts with other files, or another image', () => {
    expect(reconfigured({ userConf: 'io-threads 4' })).toBe('redis-1');
    expect(reconfigured({ shape: { tls: { cluster: false } } })).toBe('redis-1');
    expect(reconfigured({ imageId: 'sha256:other' })).toBe('redis-1');
  });

  test('and not where it keeps them, is told while it runs, or does not run', () => {
    expect(reconfigured({ shape: { redis: { memory: '300mb' } } })).toBeUndefined();
    expect(reconfigured({ userConf: 'tcp-keepalive 90' })).toBeUndefined();
    const containers = running.containers.map((one) => ({ ...one, state: 'exited' as const }));
    expect(reconfigured({ userConf: 'io-threads 4' }, { ...running, containers })).toBeUndefined();
  });
});

describe('a change by hand', () => {
  const portsBut = (gone: number): ContainerSettings['ports'] =>
    (wanted.containers.get('redis-2')?.ports ?? []).filter(({ containerPort }) => containerPort !== gone);

  test.each<[string, Partial<ContainerSettings>, string]>([
    ['command', { command: ['redis-server', '--port', '1'] }, 'its command differs'],
    ['user', { user: '' }, 'its user is missing instead of 999:999'],
    ['ports', { ports: portsBut(6379) }, 'its host port of 6379 is missing instead of 127.0.0.1:7001'],
    ['volume', { mounts: [] }, 'its volume at /data is missing instead of dev-redis-2-data'],
    ['health check', { healthcheck: { command: ['NONE'], intervalMs: 0, timeoutMs: 0 } }, 'its health check differs'],
  ])('of its %s is seen, with its cause', (_name, changes, cause) => {
    const actions = planUp(spec, wanted, withSettings(running, 'dev-redis-2', changes));
    expect(actions[0]?.cause).toBe(cause);
    expect(actions[0]?.type).toBe('stop container');
    expect(new Set(actions.map(({ target }) => target))).toEqual(new Set(['dev-redis-2']));
  });

  test('of a label or the image', () => {
    const labels = { ...wanted.containers.get('redis-2')?.labels, [LABELS.tls]: 'no' };
    expect(linesOf(planText(planUp(spec, wanted, withContainer(running, 'dev-redis-2', { labels }))))).toContain(
      '(its label redis-cluster-as-code.tls is no instead of bus)',
    );
    const image = planUp(spec, wanted, withContainer(running, 'dev-redis-2', { imageId: 'sha256:other' }));
    expect(image[0]?.cause).toBe('its image changed');
  });

  test('of a label of somebody else’s is left alone', () => {
    const labels = { ...wanted.containers.get('redis-2')?.labels, team: 'blue' };
    expect(planUp(spec, wanted, withContainer(running, 'dev-redis-2', { labels }))).toEqual([]);
  });

  test('of a label for Compose is left alone: another checkout has its YAML file elsewhere', () => {
    const others = Object.entries(wanted.containers.get('redis-2')?.labels ?? {});
    const labels = Object.fromEntries(others.filter(([name]) => !name.startsWith('com.docker.compose.')));
    expect(planUp(spec, wanted, withContainer(running, 'dev-redis-2', { labels }))).toEqual([]);
  });

  test('of its network, its address or its other name there is mended while it runs', () => {
    const planned = (networks: ContainerSettings['networks']): string =>
      planText(planUp(spec, wanted, withSettings(running, 'dev-redis-2', { networks })));
    expect(planned({})).toBe('~ connect container dev-redis-2  (it is not on the network dev-services)\n');
    expect(planned({ 'dev-services': { address: '172.20.0.99', aliases: ['redis-2'] } })).toBe(
      '~ disconnect container dev-redis-2  (its address is 172.20.0.99 instead of 172.20.0.12)\n' +
        '~ connect container dev-redis-2  (its address is 172.20.0.99 instead of 172.20.0.12)\n',
    );
    expect(planned({ 'dev-services': { address: '172.20.0.12', aliases: [] } })).toContain('not known as redis-2');
    const guest = {
      'dev-services': { address: '172.20.0.12', aliases: ['redis-2'] },
      other: { address: '', aliases: [] },
    };
    expect(planned(guest)).toBe('');
  });

  test('of its name: the container under the wrong one goes, and another comes with the same volume', () => {
    expect(planText(planUp(spec, wanted, withContainer(running, 'dev-redis-2', { name: 'mine' })))).toBe(
      '~ stop container mine  (it is to be called dev-redis-2)\n' +
        '- remove container mine  (it is to be called dev-redis-2)\n' +
        '+ create container dev-redis-2  (missing)\n' +
        '~ configure container dev-redis-2  (missing)\n' +
        '~ start container dev-redis-2  (missing)\n',
    );
  });

  test('of a limit that the engine was told in this run and has not changed, is made with another container', () => {
    const told = new Set([keyOf('update container', 'dev-redis-2')]);
    const changed = withSettings(running, 'dev-redis-2', { cpus: 0.5 });
    expect(linesOf(planText(planUp(spec, wanted, changed, told)))).toContain(
      '~ stop container dev-redis-2  (its cpu limit is 0.5 instead of 1)',
    );
    expect(planUp(spec, wanted, withSettings(running, 'dev-redis-2', {}), told)).toEqual([]);
  });

  test('of limits: the engine is told of those that differ, and of its restart policy, which Podman takes back else', () => {
    const [settings, definition] = [running.settings.get('dev-redis-2'), wanted.containers.get('redis-2')];
    if (settings === undefined || definition === undefined) throw new Error('no redis-2');
    const { restartPolicy, memoryBytes } = definition;
    expect(changedLimits({ ...settings, restartPolicy: 'no', cpus: 0 }, definition)).toEqual({ restartPolicy });
    expect(changedLimits({ ...settings, memoryBytes: 1 }, definition)).toEqual({ restartPolicy, memoryBytes });
    expect(changedLimits({ ...settings, cpus: 0.5 }, definition)).toEqual({ restartPolicy, cpus: 1 });
    // Podman cuts what is less than a hundred-thousandth.
    expect(changedLimits({ ...settings, cpus: 0.12345 }, { ...definition, cpus: 0.123456 })).toEqual({ restartPolicy });
  });

  test('an engine that sets no limits is not asked for them again and again', () => {
    const without = withSettings(running, 'dev-redis-2', { memoryBytes: 0, cpus: 0 });
    expect(planUp(spec, wanted, without)).toEqual([]);
    expect([...without.settings.values()].flatMap(unsetLimits)).toEqual(['memory', 'cpus']);
    const unlimited = withSettings(running, 'dev-redis-2', { processes: 0 });
    expect(planUp(spec, wanted, unlimited)).toEqual([]);
    expect([...unlimited.settings.values()].flatMap(unsetLimits)).toEqual(['processes']);
  });

  test('a container that may do more than it needs is recreated; of limits it was never asked to have, nothing is said', () => {
    const former = withSettings(running, 'dev-redis-2', { isConfined: false, processes: 0 });
    expect(linesOf(planText(planUp(spec, wanted, former)))).toContain(
      '~ stop container dev-redis-2  (it has more privileges than it needs)',
    );
    expect([...former.settings.values()].flatMap(unsetLimits)).toEqual([]);
  });
});

test('a container without its volume is left alone: what it has written would go with it', () => {
  const stray = (mounts: ContainerSettings['mounts']): string[] =>
    findConflicts('dev', wanted, withSettings(running, 'dev-redis-2', { mounts })).map(
      ({ code, message }) => `${code} ${message}`,
    );
  expect(stray([{ source: '9f8e', path: '/data', isWritable: true }])).toEqual([
    'DATA_AT_RISK dev-redis-2 keeps its data in 9f8e instead of the volume dev-redis-2-data; it is left alone',
  ]);
  expect(stray([])[0]).toContain('inside of itself');
  expect(findConflicts('dev', wanted, running)).toEqual([]);
});

describe('nodes that are recreated one at a time', () => {
  const disruptive = (shape: Shape, observed: Observed = running): string[] => {
    const changed = specOf(shape);
    const changedWanted = wantedFor(changed);
    return findDisruptive(changedWanted, observed, planUp(changed, changedWanted, observed));
  };

  test('all that run and change', () => {
    expect(disruptive({ redis: { bind: '127.0.0.2' } })).toEqual(['redis-1', 'redis-2', 'redis-3']);
    expect(
      disruptive({ redis: { bind: '127.0.0.2' } }, withContainer(running, 'dev-redis-1', { state: 'exited' })),
    ).toEqual(['redis-2', 'redis-3']);
    expect(disruptive({ redis: { cpus: 2 } })).toEqual([]);
    // By name, all of them have the same host ports.
    const named = observedAfterUp(wantedFor(specOf({ access: 'names' })));
    expect(disruptive({ access: 'names' })).toEqual(['redis-1', 'redis-2', 'redis-3']);
    expect(disruptive({}, named)).toEqual(['redis-1', 'redis-2', 'redis-3']);
  });

  test('none where they have to change together: the network, or how they speak on the bus', () => {
    expect(disruptive({ network: { gateway: '172.20.0.254' } })).toEqual([]);
    expect(disruptive({ tls: { cluster: false } })).toEqual([]);
    expect(disruptive({ tls: { plain: false } })).toEqual([]);
  });

  test('none where one is to have what another one has', () => {
    const nodes = {
      'redis-1': { ip: '172.20.0.12', ports: { plain: 7000, tls: 8000, bus: 17000 } },
      'redis-2': { ip: '172.20.0.11', ports: { plain: 7001, tls: 8001, bus: 17001 } },
      'redis-3': { ip: '172.20.0.13', ports: { plain: 7002, tls: 8002, bus: 17002 } },
    };
    expect(disruptive({ redis: { nodes } })).toEqual([]);
  });

  test('none where nobody holds data yet', () => {
    const data = new Map([
      ['redis-1', 'bootstrapping'],
      ['redis-2', 'bootstrapping'],
      ['redis-3', 'empty'],
    ] as const);
    expect(disruptive({ redis: { bind: '127.0.0.2' } }, { ...running, data })).toEqual([]);
  });
});
