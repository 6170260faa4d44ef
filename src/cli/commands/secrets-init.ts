import { painter } from '../core/terminal.ts';
import type { Command } from '../core/command.ts';

export const secretsInit: Command = {
  name: 'secrets init',
  changes: true,
  summary: 'put a generated password where the YAML file says, and only where there is none',
  run: async ({ openSession, terminal, json }) => {
    const session = await openSession();
    const { initSecret } = await import('../../stack/commands/secrets-init.ts');
    const { place, wasThere } = await initSecret(session);
    if (json) {
      terminal.stdout.write(`${JSON.stringify({ stack: session.spec.name, place, wasThere }, null, 2)}\n`);
      return 0;
    }
    const mark = painter(terminal.stdout, terminal.env)('green', '✓');
    terminal.stdout.write(
      wasThere
        ? `${mark} ${place} holds a password already; it was left as it is\n`
        : `${mark} a new password is in ${place}\n`,
    );
    return 0;
  },
};
