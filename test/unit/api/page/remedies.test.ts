import { expect, test } from 'vitest';
import { remediesOf } from '../../../../src/api/page/words.ts';

test('what one command mends stands together, the most important first', () => {
  const up = 'npx tsx manage.ts up';
  const fix = 'npx tsx manage.ts cluster fix';
  const findings = [
    { text: 'redis-1 does not answer', command: up },
    { text: 'slot 7 is open', command: fix },
    { text: 'redis-2 does not answer', command: up },
  ];
  expect(remediesOf(findings)).toEqual([
    { command: up, texts: ['redis-1 does not answer', 'redis-2 does not answer'] },
    { command: fix, texts: ['slot 7 is open'] },
  ]);
});
