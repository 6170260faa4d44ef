import type { Command } from '../core/command.ts';
import { countText } from '../../units.ts';

export const secretsInit: Command = {
  name: 'secrets init',
  changes: true,
  summary: 'put a generated password where the YAML file says, and only where there is none',
  run: async ({ openSession }) => {
    const session = await openSession();
    const { initSecret } = await import('../../stack/commands/secrets.ts');
    const { place, wasThere } = await initSecret(session);
    const text = wasThere ? `${place} holds a password already; it was left as it is` : `a new password is in ${place}`;
    return { data: { stack: session.spec.name, place, wasThere }, show: ({ good }) => good(text) };
  },
};

export const secretsRotate: Command = {
  name: 'secrets rotate',
  changes: true,
  summary: 'change the password on all nodes and in its source, without a restart',
  run: async ({ openSession }) => {
    const session = await openSession({ secret: true });
    const { rotateSecret } = await import('../../stack/commands/secrets.ts');
    const { place, nodeCount } = await rotateSecret(session);
    return {
      data: { stack: session.spec.name, place, nodes: nodeCount },
      show: ({ good }) => good(`${countText(nodeCount, 'node has', 'nodes have')} a new password; it is in ${place}`),
    };
  },
};
