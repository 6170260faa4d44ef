import { describe, expect, test } from 'vitest';
import { LABELS } from '../../../../src/plan/model/names.ts';
import { findOwners, findStaleStacks, type Present } from '../../../../src/plan/engine/plan-down.ts';
import { strangerOf } from '../../../helpers/builders.ts';

interface Thing {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function thing(name: string, stack: string, owner?: string): Thing {
  return { name, labels: { [LABELS.stack]: stack, ...(owner === undefined ? {} : { [LABELS.owner]: owner }) } };
}

function present(containers: readonly Thing[], networks: readonly Thing[], volumes: readonly Thing[]): Present {
  return {
    containers: [...containers.map((one) => strangerOf(one)), strangerOf()],
    networks: networks.map((one) => ({ ...one, subnets: [] })),
    volumes: [...volumes, { name: 'other-volume', labels: {} }],
  };
}

const GONE = new Set(['dead', 'also dead']);

describe('findStaleStacks', () => {
  test('a stack of which everything was made for the dead is stale, with all that it has', () => {
    const world = present(
      [thing('a-1', 'a', 'dead')],
      [thing('a-net', 'a', 'dead')],
      [thing('a-data', 'a', 'also dead')],
    );
    expect(findStaleStacks(world, GONE)).toEqual([
      { name: 'a', owners: ['dead', 'also dead'], containers: ['a-1'], networks: ['a-net'], volumes: ['a-data'] },
    ]);
  });

  test('what is left may be a volume or a network alone', () => {
    const world = present([], [thing('b-net', 'b', 'dead')], [thing('a-data', 'a', 'dead')]);
    expect(findStaleStacks(world, GONE).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  test.each([
    ['a volume without an owner', [thing('x', 'a', 'dead')], [thing('y', 'a')]],
    ['a volume of a living owner', [thing('x', 'a', 'dead')], [thing('y', 'a', 'alive')]],
    ['a container without an owner', [thing('x', 'a')], [thing('y', 'a', 'dead')]],
    ['a container of a living owner', [thing('x', 'a', 'alive')], [thing('y', 'a', 'dead')]],
  ])('%s keeps the whole stack, and only this one', (_what, containers, volumes) => {
    const world = present([...containers, thing('b-1', 'b', 'dead')], [thing('a-net', 'a', 'dead')], volumes);
    expect(findStaleStacks(world, GONE).map(({ name }) => name)).toEqual(['b']);
  });

  test('things without the label of a stack are nobody’s to remove, whatever owner they name', () => {
    const loose = { name: 'loose', labels: { [LABELS.owner]: 'dead' } };
    expect(findStaleStacks(present([loose], [loose], [loose]), GONE)).toEqual([]);
  });
});

test('findOwners names each owner once', () => {
  const world = present([thing('x', 'a', 'dead')], [thing('y', 'a', 'dead')], [thing('z', 'b', 'alive')]);
  expect(findOwners(world)).toEqual(['dead', 'alive']);
});
