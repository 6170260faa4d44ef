/** Another engine than this machine's with another server: a short cell of what `npm run grounds` walks. */
import { expect, test } from 'vitest';
import { walkCell } from '../../scripts/grounds/cell.ts';
import { whyNoGrounds } from '../../scripts/grounds/engine.ts';

const whyNot = whyNoGrounds();

test.skipIf(whyNot !== undefined)(
  `Podman 5.4 with Valkey 8.1: up, again, a node killed, restored, doctor, down${whyNot === undefined ? '' : ` (${whyNot})`}`,
  async (context) => {
    const cell = await walkCell('podman-5.4', 'valkey-8.1', { isShort: true });
    if ('reason' in cell) return context.skip(cell.reason);
    expect(cell.engineVersion).toMatch(/^5\.4\./);
    expect(cell.serverVersion).toMatch(/^8\.1\./);
    expect(cell.steps.filter(({ is }) => is === 'failed')).toEqual([]);
    expect(cell.steps.map(({ name }) => name)).toEqual([
      'up from nothing',
      'up again: nothing to do',
      'keys written',
      'a node killed, and up',
      'backup, and restore over it',
      'doctor',
      'down --volumes',
    ]);
  },
);
