import { expect, test } from 'vitest';
import { LABELS } from '../../../../src/plan/model/names.ts';
import { leftovers } from '../../../../src/plan/engine/plan-up.ts';
import {
  helperAddress,
  helperConf,
  helperDefinition,
  helperName,
  isHelper,
} from '../../../../src/plan/engine/restore-helper.ts';
import { containerOf, observedAfterUp, specOf, at, wantedFor } from '../../../helpers/builders.ts';

const spec = specOf();
const { containers } = observedAfterUp(wantedFor(spec));

test("its address is the highest free one that is no node's, and never the broadcast address", () => {
  expect(helperAddress(spec, containers)).toBe('172.20.255.254');
  const guest = { addresses: { [spec.network.name]: '172.20.255.254' } };
  const elsewhere = { addresses: { other: '172.20.255.253' } };
  expect(helperAddress(spec, [guest, elsewhere])).toBe('172.20.255.253');
});

test('without a free address there is none', () => {
  const small = specOf({ primaries: 3, network: { subnet: '172.20.0.0/28' } });
  const all = Array.from({ length: 16 }, (_, index) => ({ addresses: { [small.network.name]: `172.20.0.${index}` } }));
  expect(helperAddress(small, all)).toBeUndefined();
});

test('what a killed run leaves is a leftover of the stack, by a name that no node can have', () => {
  const definition = helperDefinition(spec, at(spec.nodes, 0), at(containers, 0), '172.20.255.254', 'redis-server');
  const left = containerOf(definition);
  expect(leftovers(spec, [...containers, left])).toEqual([left]);
  expect(isHelper(left)).toBe(true);
  expect(containers.some(isHelper)).toBe(false);
  expect(helperName('dev')).toBe('dev_restore');
});

test('it is made from the image of the nodes, keeps every key, and its volume goes with it', () => {
  const definition = helperDefinition(spec, at(spec.nodes, 0), at(containers, 0), '172.20.255.254', 'redis-server');
  expect(definition.image).toBe(at(containers, 0).imageId);
  expect(definition.labels[LABELS.image]).toBe(at(containers, 0).labels[LABELS.image]);
  expect(definition.volume.name).toBe('');
  expect(helperConf(spec)).toContain('maxmemory 0\nmaxmemory-policy noeviction\n');
  expect(helperConf(spec)).toContain('port 6379\n');
});

test('where the plain port is closed, its own is too', () => {
  const closed = specOf({ tls: { plain: false } });
  expect(helperConf(closed)).toContain('\nport 0\n');
  expect(helperConf(closed)).toContain('tls-port 6380\n');
  expect(
    helperDefinition(closed, at(closed.nodes, 0), at(containers, 0), '172.20.255.254', 'redis-server').ports,
  ).toEqual([{ hostAddress: '127.0.0.1', hostPort: 0, containerPort: 6380 }]);
});
