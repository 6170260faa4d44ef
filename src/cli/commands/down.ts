import type { DownOptions, DownResult } from '../../stack/commands/down.ts';
import { StackError } from '../../errors.ts';
import type { Command, Invocation } from '../core/command.ts';
import { confirm, painter } from '../core/terminal.ts';

export const down: Command = {
  name: 'down',
  changes: true,
  summary: 'remove the containers and the network; the data stays',
  options: [
    { flags: '--volumes', summary: 'also delete the data, after asking' },
    { flags: '--name <stack>', summary: 'the stack of this name, without its YAML file' },
    { flags: '--all-stale', summary: 'all stacks, with their data, whose owner has ended (REDIS_CLUSTER_OWNER_PID)' },
    { flags: '-y, --yes', summary: 'answer yes to every question' },
  ],
  run: async (invocation) => {
    const { name, allStale } = invocation.options;
    if (name !== undefined && allStale === true) {
      throw new StackError('USAGE', {
        message: '--name and --all-stale exclude each other',
        hint: 'npx tsx manage.ts down --name dev, or: npx tsx manage.ts down --all-stale',
      });
    }
    if (allStale === true) return downStale(invocation);
    return name === undefined ? downOfFile(invocation) : downOfName(invocation, String(name));
  },
};

async function downOfFile(invocation: Invocation): Promise<number> {
  const session = await invocation.openSession();
  const { down: takeDown } = await import('../../stack/commands/down.ts');
  const stack = session.spec.name;
  const result = await takeDown(session, stack, optionsOf(invocation, stack, 'down'));
  return show(invocation, stack, result, 'npx tsx manage.ts up   # goes on with it');
}

async function downOfName(invocation: Invocation, name: string): Promise<number> {
  const session = await invocation.openByLabel();
  const { downByName } = await import('../../stack/commands/down-by-label.ts');
  const command = `down --name ${name}`;
  const result = await downByName(session, name, optionsOf(invocation, name, command));
  return show(invocation, name, result, `npx tsx manage.ts ${command} --volumes   # deletes it, too`);
}

function optionsOf({ options, json, terminal, signal }: Invocation, stack: string, command: string): DownOptions {
  return {
    withVolumes: options['volumes'] === true,
    confirm: async (volumes) =>
      options['yes'] === true ||
      (!json && (await confirm(terminal, `Delete all data of ${stack} (${volumes.join(', ')})?`, signal))),
    command,
  };
}

function show({ endProgress, json, terminal }: Invocation, stack: string, result: DownResult, next: string): number {
  endProgress();
  if (json) {
    terminal.stdout.write(`${JSON.stringify({ stack, ...resultAsData(result) }, null, 2)}\n`);
    return 0;
  }
  const { actions, keptVolumes, keptNetworks, networkGuests } = result;
  const mark = painter(terminal.stdout, terminal.env)('green', '✓');
  const nothing = actions.length === 0 ? ': nothing was there' : '';
  terminal.stdout.write(`${mark} ${stack} is down${nothing}\n`);
  if (keptVolumes.length > 0) {
    terminal.stdout.write(`  The data is kept in ${keptVolumes.join(', ')}.\n  Next: ${next}\n`);
  }
  if (keptNetworks.length > 0) {
    const guests = networkGuests.join(', ');
    terminal.stdout.write(
      `  The network ${keptNetworks.join(', ')} stays: ${guests} is on it, and not of this stack.\n`,
    );
  }
  return 0;
}

async function downStale({ openByLabel, options, json, terminal, signal, endProgress }: Invocation): Promise<number> {
  const session = await openByLabel();
  const { describeStale, downAllStale } = await import('../../stack/commands/down-by-label.ts');
  const removed = await downAllStale(session, async (stacks) => {
    if (options['yes'] === true) return true;
    if (json) return false;
    const list = stacks.map((stack) => `  ${describeStale(stack)}\n`).join('');
    return confirm(terminal, `Their owners have ended:\n${list}Delete all of it, data included?`, signal);
  });
  endProgress();
  if (json) {
    const stacks = removed.map(({ stack, ...result }) => ({ stack, ...resultAsData(result) }));
    terminal.stdout.write(`${JSON.stringify({ stacks }, null, 2)}\n`);
    return 0;
  }
  const mark = painter(terminal.stdout, terminal.env)('green', '✓');
  if (removed.length === 0) terminal.stdout.write(`${mark} nothing is left of a dead run\n`);
  for (const { stack, actions, keptNetworks, networkGuests } of removed) {
    const targets = actions.filter(({ type }) => type.startsWith('remove')).map(({ target }) => target);
    terminal.stdout.write(`${mark} ${stack} is gone: ${targets.join(', ')}\n`);
    if (keptNetworks.length > 0) {
      terminal.stdout.write(`  ${keptNetworks.join(', ')} stays: ${networkGuests.join(', ')} is on it.\n`);
    }
  }
  return 0;
}

function resultAsData({ actions, keptVolumes, networkGuests }: DownResult): Record<string, unknown> {
  const removed = actions.filter(({ type }) => type.startsWith('remove')).map(({ type, target }) => ({ type, target }));
  return { removed, keptVolumes, networkGuests };
}
