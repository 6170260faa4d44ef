import type { DownOptions, DownResult } from '../../stack/commands/down.ts';
import { proxyAddresses } from '../../plan/model/host-ports.ts';
import { StackError } from '../../errors.ts';
import { hint, run, type Hint } from '../../hint.ts';
import type { Command, Invocation } from '../core/command.ts';
import type { Outcome } from '../core/output.ts';

export const down: Command = {
  name: 'down',
  isForHosts: true,
  changes: true,
  summary: 'remove the containers and the network; the data stays',
  options: {
    '--volumes': 'also delete the data, after asking',
    '--name <stack>': 'the stack of this name, without its YAML file',
    '--all-stale': 'all stacks, with their data, whose owner has ended (REDIS_CLUSTER_OWNER_PID)',
  },
  run: async (invocation) => {
    const { name, allStale } = invocation.options;
    if (name !== undefined && allStale === true) {
      throw new StackError('USAGE', {
        message: '--name and --all-stale exclude each other',
        hint: hint`${run('down --name dev')}, or: ${run('down --all-stale')}`,
      });
    }
    if (allStale === true) return downStale(invocation);
    return name === undefined ? downOfFile(invocation) : downOfName(invocation, String(name));
  },
};

async function downOfFile(invocation: Invocation): Promise<Outcome> {
  const session = await invocation.openSession();
  const { down: takeDown } = await import('../../stack/commands/down.ts');
  const stack = session.spec.name;
  const options = { ...optionsOf(invocation, stack, 'down'), entrances: proxyAddresses(session.spec) };
  const result = await takeDown(session, stack, options);
  return outcome(stack, result, hint`${run('up')}   # goes on with it`);
}

async function downOfName(invocation: Invocation, name: string): Promise<Outcome> {
  const session = await invocation.openByLabel();
  const { downByName } = await import('../../stack/commands/down.ts');
  const command = `down --name ${name}`;
  const result = await downByName(session, name, optionsOf(invocation, name, command));
  return outcome(name, result, hint`${run(`${command} --volumes`)}   # deletes it, too`);
}

function optionsOf({ options, confirm }: Invocation, stack: string, command: string): DownOptions {
  return {
    withVolumes: options['volumes'] === true,
    confirm: (volumes) => confirm(`Delete all data of ${stack} (${volumes.join(', ')})?`),
    command,
  };
}

function outcome(stack: string, result: DownResult, next: Hint): Outcome {
  const { actions, keptVolumes, keptNetworks, networkGuests } = result;
  return {
    data: { stack, ...resultAsData(result) },
    show: (screen) => {
      screen.good(`${stack} is down${actions.length === 0 ? ': nothing was there' : ''}`);
      if (keptVolumes.length > 0) screen.line(`  The data is kept in ${keptVolumes.join(', ')}.`);
      if (keptNetworks.length > 0) {
        const guests = networkGuests.join(', ');
        screen.line(`  The network ${keptNetworks.join(', ')} stays: ${guests} is on it, and not of this stack.`);
      }
      if (keptVolumes.length > 0) screen.next(next);
    },
  };
}

async function downStale({ openByLabel, confirm }: Invocation): Promise<Outcome> {
  const session = await openByLabel();
  const { describeStale, downAllStale } = await import('../../stack/commands/stale.ts');
  const removed = await downAllStale(session, async (stacks) => {
    const list = stacks.map((stack) => `  ${describeStale(stack)}\n`).join('');
    return confirm(`Their owners have ended:\n${list}Delete all of it, data included?`);
  });
  return {
    data: { stacks: removed.map(({ stack, ...result }) => ({ stack, ...resultAsData(result) })) },
    show: ({ good, line }) => {
      if (removed.length === 0) good('nothing is left of a dead run');
      for (const { stack, actions, keptNetworks, networkGuests } of removed) {
        const targets = removedBy(actions).map(({ target }) => target);
        good(`${stack} is gone: ${targets.join(', ')}`);
        if (keptNetworks.length > 0) line(`  ${keptNetworks.join(', ')} stays: ${networkGuests.join(', ')} is on it.`);
      }
    },
  };
}

function resultAsData({ actions, keptVolumes, networkGuests }: DownResult): object {
  return { removed: removedBy(actions), keptVolumes, networkGuests };
}

function removedBy(actions: DownResult['actions']): { readonly type: string; readonly target: string }[] {
  return actions.filter(({ type }) => type.startsWith('remove')).map(({ type, target }) => ({ type, target }));
}
