import { describe, expect, test } from 'vitest';
import { planText, type Action } from '../../../../src/plan/model/action.ts';
import type { EntranceSeen, Observed, ProxyInfo } from '../../../../src/plan/model/observed.ts';
import { planDown } from '../../../../src/plan/engine/plan-down.ts';
import { afterStops, planProxy, planProxyAfter, proxiesOf } from '../../../../src/plan/engine/plan-proxy.ts';
import { planUp } from '../../../../src/plan/engine/plan-up.ts';
import { findConflicts } from '../../../../src/plan/engine/conflicts.ts';
import { labelledEntrances } from '../../../../src/plan/model/host-ports.ts';
import {
  labelsOf,
  NOTHING,
  observedAfterUp,
  proxyInfo,
  specOf,
  strangerOf,
  wantedFor,
  type Shape,
} from '../../../helpers/builders.ts';

const spec = specOf({ access: 'proxy' });
const wanted = wantedFor(spec);
const running = observedAfterUp(wanted);

/** Everywhere the same. */
function heldBy(holder: EntranceSeen['holder'], observed: Observed = running): Observed {
  return { ...observed, entrances: observed.entrances.map((one) => ({ ...one, holder })) };
}

/** @param shape what the YAML file says now */
function planned(observed: Observed, shape: Shape = {}): string {
  const now = specOf({ access: 'proxy', ...shape });
  return planText(planProxy(now, wantedFor(now), observed, []));
}

const other = (changes: Partial<ProxyInfo>): Observed => heldBy(proxyInfo(wanted, changes));

describe('planProxy', () => {
  test('one that serves what the YAML file says stays', () => {
    expect(planned(running)).toBe('');
    expect(planned(other({ connections: 12, reloads: 3, user: 'ben@laptop' }))).toBe('');
  });

  test('where none runs, one is started: at once, but not before others have given back its ports', () => {
    expect(planned(heldBy('nobody'))).toBe('~ start proxy at 127.0.0.1:7000-7002,8000-8002  (it does not run)\n');
    const all = planUp(spec, wanted, NOTHING);
    const fresh = planProxy(spec, wanted, { ...NOTHING, entrances: heldBy('nobody').entrances }, all);
    expect(fresh.map(({ type, after }) => [type, after])).toEqual([['start proxy', []]]);
    const removal: Action[] = planDown('dev', running, false);
    const [start] = planProxy(spec, wanted, heldBy('nobody'), removal);
    expect(start?.after).toContain('remove container dev-redis-1');
  });

  test('other nodes are taken over by one that reads the same file; whoever else is replaced', () => {
    const nodes = { redis: {}, primaries: 4 };
    expect(planned(running, nodes)).toMatch(
      /^~ reload proxy at .*, process 4711 {2}\(what it serves differs from the YAML file\)/,
    );
    expect(planned(other({ file: '/elsewhere.yaml' }), nodes)).toMatch(/^~ restart proxy at /);
    expect(planned(other({ version: '0.9.0' }))).toMatch(
      /^~ restart proxy .* {2}\(version 0\.9\.0 instead of 1\.0\.0\)/,
    );
  });

  test('a node that is still to leave the cluster is led to until it has', () => {
    expect(planned({ ...running, members: ['dev-redis-4'] }, { primaries: 4 })).toBe('');
  });

  test('one that nobody wants any more ends before a container begins that has its ports', () => {
    const map = specOf();
    const actions = planProxy(map, wantedFor(map), running, []);
    expect(planText(actions)).toBe('~ stop proxy at 127.0.0.1:7000-7002,8000-8002, process 4711  (access is map)\n');
    const starts = afterStops(planUp(map, wantedFor(map), NOTHING), actions).filter(
      ({ type }) => type === 'start container',
    );
    expect(starts.map(({ after }) => after.some((key) => key.startsWith('stop proxy')))).toEqual([true, true, true]);
  });

  test('it waits while containers have the ports at which it is to listen, and follows when they are recreated', () => {
    const before = { ...observedAfterUp(wantedFor(specOf())), entrances: heldBy('something else').entrances };
    expect(planned(before)).toBe('');
    expect(planText(planProxyAfter(spec, wanted, before, planUp(spec, wanted, before)))).toMatch(/^~ start proxy at /);
    expect(planProxyAfter(spec, wanted, running, planUp(spec, wanted, running))).toEqual([]);
  });
});

test('a container of somebody else at one of its ports is in the way', () => {
  const stranger = strangerOf({
    labels: labelsOf('other'),
    ports: [{ hostAddress: '0.0.0.0', hostPort: 8001, containerPort: 80 }],
  });
  const conflicts = findConflicts('dev', wanted, { ...running, containers: [...running.containers, stranger] });
  expect(conflicts.map(({ message }) => message)).toEqual([
    `host port 127.0.0.1:8001, which the proxy is to have, is held by the container ${stranger.name}`,
  ]);
});

test('down finds it by what the containers say, and leaves the proxy of another stack alone', () => {
  expect(labelledEntrances(running.containers)).toEqual(
    running.entrances.map(({ holder: _holder, ...address }) => address),
  );
  const proxies = proxiesOf('dev', running.entrances);
  expect(planText(planDown('dev', running, false, proxies))).toContain('~ stop proxy at 127.0.0.1:7000-7002,8000-8002');
  expect(proxiesOf('other', running.entrances)).toEqual([]);
});
