import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { actionText } from '../../../../src/plan/model/action.ts';
import { planPassword, type PasswordAction, type PasswordState } from '../../../../src/plan/node/plan-password.ts';
import { at } from '../../../helpers/builders.ts';

/** A node as far as passwords go. A replica sends its password to whichever node is its primary: that may be any. */
interface SimulatedNode {
  readonly name: string;
  accepts: ReadonlySet<string>;
  sends: string;
}

function stateOf({ name, accepts, sends }: SimulatedNode, wanted: string): PasswordState {
  return {
    node: name,
    acceptsWanted: accepts.has(wanted),
    acceptsOthers: [...accepts].some((one) => one !== wanted),
    sendsWanted: sends === wanted,
    users: new Map(),
  };
}

function plan(nodes: readonly SimulatedNode[], wanted: string): PasswordAction[] {
  return planPassword(nodes.map((node) => stateOf(node, wanted)));
}

function obey({ type, target: name }: PasswordAction, nodes: readonly SimulatedNode[], wanted: string): void {
  const node = nodes.find((one) => one.name === name);
  if (node === undefined) throw new Error(`there is no ${name}`);
  switch (type) {
    case 'accept password':
      node.accepts = new Set([...node.accepts, wanted]);
      return;
    case 'send password':
      node.sends = wanted;
      return;
    case 'drop other passwords':
      node.accepts = new Set([wanted]);
      return;
  }
}

function textOf(actions: readonly PasswordAction[]): string[] {
  return actions.map(({ type, target }) => `${target}: ${type}`);
}

/** `redis-2 accepts new old, sends old`, one node a line. */
function worldText(nodes: readonly SimulatedNode[]): string {
  return nodes
    .map(({ name, accepts, sends }) => `${name} accepts ${[...accepts].toSorted().join(' ')}, sends ${sends}`)
    .join('\n');
}

function nodesOf(...lives: readonly (readonly [accepts: string, sends: string])[]): SimulatedNode[] {
  return lives.map(([accepts, sends], index) => ({
    name: `redis-${index + 1}`,
    accepts: new Set(accepts.split(' ')),
    sends,
  }));
}

/** Nobody sends what somebody refuses. */
function refusals(nodes: readonly SimulatedNode[]): string[] {
  return nodes.flatMap(({ name, sends }) =>
    nodes.filter(({ accepts }) => !accepts.has(sends)).map((other) => `${other.name} refuses ${sends} of ${name}`),
  );
}

function isSettled(nodes: readonly SimulatedNode[], wanted: string): boolean {
  return nodes.every(({ accepts, sends }) => sends === wanted && accepts.size === 1 && accepts.has(wanted));
}

describe('a new password', () => {
  test('needs no step where every node has it', () => {
    expect(plan(nodesOf(['new', 'new'], ['new', 'new']), 'new')).toEqual([]);
    expect(planPassword([])).toEqual([]);
  });

  test('is accepted everywhere, then sent everywhere, and only then the others are dropped', () => {
    const nodes = nodesOf(['old', 'old'], ['old', 'old'], ['old', 'old']);
    const steps: string[][] = [];
    for (let actions = plan(nodes, 'new'); actions.length > 0; actions = plan(nodes, 'new')) {
      steps.push(textOf(actions));
      for (const action of actions) obey(action, nodes, 'new');
    }
    expect(steps).toEqual([
      ['redis-1: accept password', 'redis-2: accept password', 'redis-3: accept password'],
      ['redis-1: send password', 'redis-2: send password', 'redis-3: send password'],
      ['redis-1: drop other passwords', 'redis-2: drop other passwords', 'redis-3: drop other passwords'],
    ]);
    expect(isSettled(nodes, 'new')).toBe(true);
  });

  test('is told with its cause', () => {
    expect(plan(nodesOf(['old', 'old']), 'new').map(actionText)).toEqual([
      'accept password redis-1  (the password changed)',
    ]);
  });

  test.each<[string, SimulatedNode[], string[]]>([
    [
      'one node has not accepted it yet',
      nodesOf(['new old', 'old'], ['old', 'old'], ['new old', 'old']),
      ['redis-2: accept password'],
    ],
    [
      'one node already has nothing else, and another refuses it',
      nodesOf(['new', 'new'], ['old', 'old']),
      ['redis-2: accept password'],
    ],
    [
      'one node does not send it yet',
      nodesOf(['new old', 'new'], ['new old', 'old'], ['new old', 'new']),
      ['redis-2: send password'],
    ],
    [
      'one node still accepts the old one',
      nodesOf(['new', 'new'], ['new old', 'new'], ['new', 'new']),
      ['redis-2: drop other passwords'],
    ],
    [
      'a node was made with the new one, while the others still send the old one',
      nodesOf(['new', 'new'], ['new old', 'old']),
      ['redis-2: send password'],
    ],
  ])('goes on where it was interrupted: %s', (_name, nodes, wanted) => {
    expect(textOf(plan(nodes, 'new'))).toEqual(wanted);
  });

  test('a node that has no password at all gets it first', () => {
    const none = { acceptsWanted: false, acceptsOthers: false, sendsWanted: false, users: new Map() };
    expect(planPassword([{ node: 'redis-1', ...none }])).toEqual([
      expect.objectContaining({ type: 'accept password' }),
    ]);
  });
});

const PASSWORDS = ['old', 'older', 'new', 'newer'];
const anyPassword = fc.constantFrom(...PASSWORDS);
const anyAccepted = fc.subarray(PASSWORDS, { minLength: 1 }).map((some) => new Set(some));

const anyNodes = fc
  .array(fc.record({ accepts: anyAccepted, sends: anyPassword }), { minLength: 1, maxLength: 6 })
  .map((lives) => lives.map((life, index): SimulatedNode => ({ name: `redis-${index + 1}`, ...life })));

/** Nodes whose replicas can all log in anywhere: what a cluster is before somebody changes its password. */
const workingNodes = fc
  .tuple(anyNodes, fc.subarray(PASSWORDS, { minLength: 1 }), fc.array(fc.nat(), { minLength: 6, maxLength: 6 }))
  .map(([nodes, common, choices]) =>
    nodes.map((node, index): SimulatedNode => ({
      ...node,
      accepts: new Set([...node.accepts, ...common]),
      sends: at(common, at(choices, index) % common.length),
    })),
  );

/**
 * Does planned actions, those of one step in any order, until none is left or `steps` are done. `look` sees the nodes
 * after each of them.
 */
function run(
  nodes: readonly SimulatedNode[],
  wanted: string,
  { steps, orders, look }: { steps: number; orders: Iterator<number>; look: () => void },
): void {
  // Each node is done with in three actions; one more would be a plan that never ends.
  const most = Math.min(steps, 3 * nodes.length);
  for (let done = 0; done < most;) {
    const pending = plan(nodes, wanted);
    if (pending.length === 0) return;
    while (pending.length > 0 && done < most) {
      const [action] = pending.splice(Number(orders.next().value) % pending.length, 1);
      if (action === undefined) throw new Error('no action to do');
      obey(action, nodes, wanted);
      done += 1;
      look();
    }
  }
}

const orders = fc.infiniteStream(fc.nat());
const inOrder: Iterator<number> = { next: () => ({ value: 0, done: false }) };

describe('from wherever', () => {
  test('the wanted password is reached, each node being touched three times at most', () => {
    fc.assert(
      fc.property(anyNodes, anyPassword, orders, (nodes, wanted, order) => {
        run(nodes, wanted, { steps: Infinity, orders: order, look: () => undefined });
        expect(worldText(nodes)).toBe(
          worldText(nodes.map((node) => ({ ...node, accepts: new Set([wanted]), sends: wanted }))),
        );
        expect(plan(nodes, wanted)).toEqual([]);
      }),
    );
  });

  test('a node keeps every password until all accept and send the wanted one', () => {
    fc.assert(
      fc.property(anyNodes, anyPassword, orders, (nodes, wanted, order) => {
        const before = new Map(nodes.map(({ name, accepts }) => [name, accepts]));
        const look = (): void => {
          for (const { name, accepts } of nodes) {
            const lost = [...(before.get(name) ?? [])].filter((one) => !accepts.has(one));
            // A client logs in with what it has, or with what is wanted: one of the two always does.
            expect(lost.length === 0 || accepts.has(wanted)).toBe(true);
            const isEverywhere = nodes.every((one) => one.accepts.has(wanted) && one.sends === wanted);
            expect(lost.length === 0 || isEverywhere).toBe(true);
          }
        };
        run(nodes, wanted, { steps: Infinity, orders: order, look });
      }),
    );
  });
});

describe('a replica is never turned away', () => {
  const changes = fc.array(fc.record({ wanted: anyPassword, steps: fc.nat({ max: 20 }) }), { maxLength: 4 });

  test('from old to new, cut off anywhere and begun again, with whatever password is wanted then', () => {
    fc.assert(
      fc.property(workingNodes, changes, anyPassword, orders, (nodes, cut, wanted, order) => {
        const start = worldText(nodes);
        expect(refusals(nodes)).toEqual([]);
        const look = (): void => expect(refusals(nodes), `from ${start}`).toEqual([]);
        for (const change of cut) run(nodes, change.wanted, { steps: change.steps, orders: order, look });
        run(nodes, wanted, { steps: Infinity, orders: order, look });
        expect(isSettled(nodes, wanted)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('every single cut of one rotation, and every next password', () => {
    for (let steps = 0; steps <= 9; steps += 1) {
      for (const next of ['old', 'new', 'newer']) {
        const nodes = nodesOf(['old', 'old'], ['old', 'old'], ['old', 'old']);
        const look = (): void => expect(refusals(nodes), `cut after ${steps}, then ${next}`).toEqual([]);
        run(nodes, 'new', { steps, orders: inOrder, look });
        run(nodes, next, { steps: Infinity, orders: inOrder, look });
        expect(isSettled(nodes, next)).toBe(true);
      }
    }
  });
});
