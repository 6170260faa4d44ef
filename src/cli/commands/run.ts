import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { countText, durationText } from '../../units.ts';
import { countOf, textOf, timed, type Command } from '../core/command.ts';

export const runCommand: Command = {
  name: 'run',
  summary: 'start a cluster of its own for a command, run that, and remove the cluster, however the command ends',
  passesOn: 'COMMAND…',
  options: {
    '--nodes <count>': 'primaries (default: 3)',
    '--replicas <count>': 'of each primary (default: 0)',
    '--image <image>': 'default: redis:7-alpine',
    '--tls': 'TLS too, with a certificate authority of its own',
    '--persistence': 'an append-only file: a node that is restarted has its keys',
    '--reuse': 'leave it running, with its keys, for the next run with the same options',
  },
  run: async ({ options, passedOn, quiet, connection, terminal, passSignals }) => {
    const { file, host, timeoutMs, signal, env } = connection;
    const [command, ...args] = passedOn;
    if (command === undefined || file !== undefined) {
      throw new StackError('USAGE', {
        message:
          command === undefined ? 'there is no command to run' : 'run starts a cluster of its own, and reads no -f',
        hint: run('run -- npm test'),
      });
    }
    const [{ startIsolated }, { variablesOf }] = await Promise.all([
      import('../../library/isolated.ts'),
      import('../../library/describe-connection.ts'),
    ]);
    const { result: cluster, elapsedMs } = await timed(() =>
      startIsolated(
        {
          nodes: countOf(options, 'nodes'),
          replicas: countOf(options, 'replicas'),
          image: textOf(options, 'image'),
          tls: options['tls'] === true,
          persistence: options['persistence'] === true,
          reuse: options['reuse'] === true,
          host,
          timeoutMs,
          signal,
        },
        // A download takes its time; nobody needs to read how a cluster comes about.
        {
          env,
          report: ({ subject, ...event }) =>
            subject.startsWith('image') ? connection.report({ subject, ...event }) : undefined,
        },
      ),
    );
    try {
      const { spec } = cluster.session;
      const what = `${spec.name}: ${countText(spec.nodes.length, 'node')}, verified in ${durationText(elapsedMs)}`;
      if (!quiet) terminal.stderr.write(`✓ ${what}\n`);
      return await exitCodeOf(
        command,
        args,
        { ...env, ...variablesOf(cluster.connection) },
        { passSignals, isTerminal: terminal.stdin.isTTY },
      );
    } finally {
      passSignals(undefined);
      await cluster.stop();
    }
  },
};

/** This program beside one that has isolated clusters, `run` too: it is started by that one. */
export const reaper: Command = {
  name: 'reaper',
  isHidden: true,
  summary: 'stands beside a process with isolated clusters, which starts it: removes what is left when its stdin ends',
  run: async ({ openByLabel, terminal }) => {
    const { reap } = await import('../../library/reaper.ts');
    await reap(await openByLabel(), terminal.stdin);
    return 0;
  },
};

/** As a shell says it: 128 and the signal's number, 127 where there is no such command. */
async function exitCodeOf(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  {
    passSignals,
    isTerminal,
  }: { readonly passSignals: Parameters<Command['run']>[0]['passSignals']; readonly isTerminal: boolean },
): Promise<number> {
  const child = spawn(command, args, { env, stdio: 'inherit' });
  // A terminal gives Ctrl-C to both: twice would be once more than the person has typed.
  passSignals((name) => void (isTerminal && name === 'SIGINT' ? undefined : child.kill(name)));
  try {
    await once(child, 'exit');
    const { exitCode, signalCode } = child;
    return exitCode ?? 128 + (signalCode === null ? 0 : constants.signals[signalCode]);
  } catch (error) {
    throw new StackError('COMMAND_FAILED', {
      message: `could not run ${command}: ${systemErrorCode(error) === 'ENOENT' ? 'there is no such command' : errorMessage(error)}`,
      hint: hint`Name a command of your PATH, or a file: ${run('run -- sh -c \'redis-cli -u "$REDIS_URL" -c ping\'')}`,
      cause: error,
    });
  }
}
