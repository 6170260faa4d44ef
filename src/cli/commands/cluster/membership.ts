import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { textOf, timed, type Command } from '../../core/command.ts';
import { countText, durationText } from '../../../units.ts';
import { countSlots } from '../../../cluster/slots/slots.ts';

export const clusterMeet: Command = {
  name: 'cluster meet',
  operands: '<node>',
  changes: true,
  summary: 'introduce a node of the YAML file to the others, and wait until all know it',
  run: async ({ openSession, operands: [newcomer = ''] }) => {
    const session = await openSession();
    const { meet } = await import('../../../stack/commands/cluster/membership.ts');
    const { result, elapsedMs } = await timed(() => meet(session, newcomer));
    const { node, introducedTo } = result;
    return {
      data: { stack: session.spec.name, node, introducedTo, elapsedMs },
      show: ({ good, next }) => {
        if (introducedTo.length === 0) {
          good(`${node} and the others know each other already: nothing to do`);
          return;
        }
        good(`${node} and ${introducedTo.join(', ')} know each other, in ${durationText(elapsedMs)}`);
        next(hint`${run(`cluster replicate ${node} --of PRIMARY`)}, or up, which follows the YAML file`);
      },
    };
  },
};

export const clusterForget: Command = {
  name: 'cluster forget',
  operands: '<id-or-address>',
  changes: true,
  summary: 'have every node forget one that is gone, and that is none of the YAML file',
  run: async ({ openSession, operands: [text = ''] }) => {
    const session = await openSession();
    const { forget } = await import('../../../stack/commands/cluster/membership.ts');
    const { id, nodes, unreachable } = await forget(session, text);
    return {
      data: { stack: session.spec.name, forgotten: id, nodes, unreachable },
      show: ({ good, line }) => {
        good(`${id} is forgotten by ${nodes.join(', ')}`);
        if (unreachable.length === 0) return;
        line(`  ${unreachable.join(', ')} can't be reached, and may bring it back: then forget it once more.`);
      },
    };
  },
};

export const clusterReset: Command = {
  name: 'cluster reset',
  operands: '[nodes...]',
  changes: true,
  summary: 'have nodes without slots leave the cluster, and forget it; with --all take an empty cluster apart',
  options: {
    '--all': 'all nodes, where none has a key; asks first',
    '--hard': 'they also get new ids, and begin with epoch 0',
  },
  run: async ({ openSession, operands, options, confirm }) => {
    const wantsAll = options['all'] === true;
    if (wantsAll === operands.length > 0) {
      throw new StackError('USAGE', {
        message: wantsAll ? '--all goes with no name of a node' : 'no node is named',
        hint: hint`${run('cluster reset NODE')}, or --all`,
      });
    }
    const session = await openSession();
    const { spec } = session;
    const { reset } = await import('../../../stack/commands/cluster/membership.ts');
    const { nodes, unreachable } = await reset(session, wantsAll ? spec.nodes.map(({ name }) => name) : operands, {
      mode: options['hard'] === true ? 'hard' : 'soft',
      confirm: () => confirm(`Take the whole cluster of ${spec.name} apart?`),
    });
    return {
      data: { stack: spec.name, reset: nodes, unreachable },
      show: ({ good, line, next }) => {
        const isAll = nodes.length === spec.nodes.length;
        good(`${nodes.join(', ')}: alone, without slots and keys`);
        if (unreachable.length > 0) {
          line(`  ${unreachable.join(', ')} can't be reached, and may bring them back into the cluster.`);
        }
        const command = isAll ? 'cluster create' : `cluster meet ${nodes[0] ?? ''}`;
        next(hint`${run(command)}, or up, which follows the YAML file`);
      },
    };
  },
};

export const clusterReplicate: Command = {
  name: 'cluster replicate',
  operands: '<node>',
  changes: true,
  summary: 'make a node the replica of a primary, and wait for its copy',
  options: { '--of <primary>': 'the primary to follow' },
  run: async ({ openSession, operands: [follower = ''], options }) => {
    const leader = textOf(options, 'of');
    if (leader === undefined) {
      throw new StackError('USAGE', {
        message: 'no primary is named',
        hint: run(`cluster replicate ${follower} --of PRIMARY`),
      });
    }
    const session = await openSession();
    const { replicate } = await import('../../../stack/commands/cluster/membership.ts');
    const { result, elapsedMs } = await timed(() => replicate(session, follower, leader));
    const { node, primary, isChanged } = result;
    const text = isChanged
      ? `${node} is a replica of ${primary} and has its copy, in ${durationText(elapsedMs)}`
      : `${node} is a replica of ${primary} already: nothing to do`;
    return {
      data: { stack: session.spec.name, node, primary, changed: isChanged, elapsedMs },
      show: ({ good }) => good(text),
    };
  },
};

export const clusterFailover: Command = {
  name: 'cluster failover',
  operands: '<replica>',
  changes: true,
  summary: 'make a replica the primary; without an option no write is lost',
  options: {
    '--force': 'where the primary is down: what the replica has not received yet is lost',
    '--takeover': 'also without the votes of the other primaries, where most of them are down',
  },
  run: async ({ openSession, operands: [replica = ''], options }) => {
    const [isForced, isTakeover] = [options['force'] === true, options['takeover'] === true];
    if (isForced && isTakeover) {
      throw new StackError('USAGE', {
        message: '--force and --takeover exclude each other',
        hint: run(`cluster failover ${replica} --force`),
      });
    }
    const session = await openSession();
    const { failover } = await import('../../../stack/execute/failover.ts');
    const mode = isForced ? 'force' : isTakeover ? 'takeover' : 'manual';
    const { result, elapsedMs } = await timed(() => failover(session, replica, mode));
    const { node, formerPrimary, isFollowing, slots } = result;
    const former = `${formerPrimary} ${isFollowing ? 'follows it' : 'does not answer'}`;
    return {
      data: { stack: session.spec.name, ...result, mode, elapsedMs },
      show: ({ good }) =>
        good(
          `${node} is the primary of ${countText(countSlots(slots), 'slot')}, ${former}, in ${durationText(elapsedMs)}`,
        ),
    };
  },
};
