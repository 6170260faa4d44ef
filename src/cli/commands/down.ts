import type { DownOptions, DownResult } from '../../stack/commands/down.ts';
import { proxyAddresses } from '../../plan/model/host-ports.ts';
import { StackError } from '../../errors.ts';
import { hint, quoted, run, type Hint } from '../../hint.ts';
import type { Command, Invocation } from '../core/command.ts';
import type { Outcome } from '../core/output.ts';

export const down: Command = {
  name: 'down',
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
  const { actions, keptVolumes, keptNetworks, networkGuests, elsewhere } = result;
  const [other] = elsewhere;
  return {
    data: { stack, ...resultAsData(result) },
    show: (screen) => {
      const where = other === undefined ? '' : ' on this engine';
      screen.good(`${stack} is down${where}${actions.length === 0 ? ': nothing was there' : ''}`);
      if (keptVolumes.length > 0) screen.line(`  The data is kept in ${keptVolumes.join(', ')}.`);
      if (keptNetworks.length > 0) {
        const guests = networkGuests.join(', ');
        screen.line(`  The network ${keptNetworks.join(', ')} stays: ${guests} is on it, and not of this stack.`);
      }
      for (const line of elsewhereLines(result)) screen.line(`  ${line}`);
      if (keptVolumes.length > 0) screen.next(next);
      if (other !== undefined)
        screen.next(hint`${run(`down --name ${stack} --host ${quoted(other.engine)}`)}   # there`);
    },
  };
}

function elsewhereLines({ elsewhere, sharedNetworks }: DownResult): string[] {
  return [
    ...(sharedNetworks.length === 0 ? [] : [`The network ${sharedNetworks.join(', ')} stays: other hosts may use it.`]),
    ...(elsewhere.length === 0
      ? []
      : [
          `What it has on other hosts stays: ${elsewhere.map(({ name, engine }) => `${name} (${engine})`).join(', ')}.`,
        ]),
  ];
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
    show: ({ good, line, next }) => {
      if (removed.length === 0) good('nothing is left of a dead run');
      for (const { stack, actions, keptNetworks, networkGuests, ...more } of removed) {
        const targets = removedBy(actions).map(({ target }) => target);
        good(`${stack} is gone: ${targets.join(', ')}`);
        if (keptNetworks.length > 0) line(`  ${keptNetworks.join(', ')} stays: ${networkGuests.join(', ')} is on it.`);
        for (const text of elsewhereLines({ ...more, actions, keptNetworks, networkGuests })) line(`  ${text}`);
        const [other] = more.elsewhere;
        if (other !== undefined) next(hint`${run(`down --all-stale --host ${quoted(other.engine)}`)}   # there`);
      }
    },
  };
}

function resultAsData({ actions, keptVolumes, networkGuests, elsewhere }: DownResult): object {
  return { removed: removedBy(actions), keptVolumes, networkGuests, ...(elsewhere.length > 0 && { elsewhere }) };
}

function removedBy(actions: DownResult['actions']): { readonly type: string; readonly target: string }[] {
  return actions.filter(({ type }) => type.startsWith('remove')).map(({ type, target }) => ({ type, target }));
}
