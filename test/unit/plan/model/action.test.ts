import { expect, test } from 'vitest';
import { actionKey, newAction, planText } from '../../../../src/plan/model/action.ts';

test('a plan is one line an action, with a sign that says what it does', () => {
  const actions = [
    newAction('create network', 'net', 'why'),
    newAction('remove network', 'net', 'why'),
    newAction('configure container', 'one', 'why'),
    newAction('start container', 'one', 'why'),
    newAction('remove container', 'one', 'why'),
    newAction('remove volume', 'one-data', 'why', {}, { destructive: true }),
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

test('the key of an action is what it does to what, with what, for whatever cause', () => {
  expect(actionKey(newAction('start container', 'dev-redis-1', 'why'))).toBe('start container dev-redis-1');
  const forget = (nodeId: string, cause: string) => actionKey(newAction('forget', 'redis-1', cause, { nodeId }));
  expect(forget('a', 'one')).toBe(forget('a', 'another'));
  expect(forget('a', 'one')).not.toBe(forget('b', 'one'));
});
