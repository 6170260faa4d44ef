import { expect, test } from 'vitest';
import { actionKey, planText, type Action } from '../../../../src/plan/model/actions.ts';

function action(type: Action['type'], target: string, destructive = false): Action {
  return { type, target, cause: 'why', destructive, after: [] };
}

test('a plan is one line an action, with a sign that says what it does', () => {
  const actions = [
    action('create network', 'net'),
    action('remove network', 'net'),
    action('configure container', 'one'),
    action('start container', 'one'),
    action('remove container', 'one'),
    action('remove volume', 'one-data', true),
  ];
  expect(planText(actions)).toBe(
    `+ create network net  (why)
- remove network net  (why)
~ configure container one  (why)
~ start container one  (why)
- remove container one  (why)
! remove volume one-data  (why)
`,
  );
});

test('nothing to do is no text', () => {
  expect(planText([])).toBe('');
});

test('the key of an action is what it does to what', () => {
  expect(actionKey({ type: 'start container', target: 'dev-redis-1' })).toBe('start container dev-redis-1');
});
