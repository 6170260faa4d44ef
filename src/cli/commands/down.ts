import type { Command } from '../command.ts';
import { confirm, painter } from '../terminal.ts';

export const down: Command = {
  name: 'down',
  changes: true,
  summary: 'remove the containers and the network; the data stays',
  options: [
    { flags: '--volumes', summary: 'also delete the data, after asking' },
    { flags: '-y, --yes', summary: 'answer yes to every question' },
  ],
  run: async ({ openSession, options, terminal, json, signal, endProgress }) => {
    const session = await openSession();
    const { down: takeDown } = await import('../../stack/down.ts');
    const { actions, keptVolumes, networkGuests } = await takeDown(session, {
      withVolumes: options['volumes'] === true,
      confirm: async (volumes) =>
        options['yes'] === true ||
        (!json &&
          (await confirm(terminal, `Delete all data of ${session.spec.name} (${volumes.join(', ')})?`, signal))),
    });
    endProgress();
    if (json) {
      const removed = actions
        .filter(({ type }) => type.startsWith('remove'))
        .map(({ type, target }) => ({ type, target }));
      const result = { stack: session.spec.name, removed, keptVolumes, networkGuests };
      terminal.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
      return 0;
    }
    const paint = painter(terminal.stdout, terminal.env);
    const nothing = actions.length === 0 ? ': nothing was there' : '';
    terminal.stdout.write(`${paint('green', '✓')} ${session.spec.name} is down${nothing}\n`);
    if (keptVolumes.length > 0) {
      terminal.stdout.write(
        `  The data is kept in ${keptVolumes.join(', ')}.\n  Next: npx tsx manage.ts up   # goes on with it\n`,
      );
    }
    if (networkGuests.length > 0) {
      const guests = networkGuests.join(', ');
      terminal.stdout.write(
        `  The network ${session.spec.network.name} stays: ${guests} is on it, and not of this stack.\n`,
      );
    }
    return 0;
  },
};
