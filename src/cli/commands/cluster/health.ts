import { mendHint } from '../../../cluster/findings/finding.ts';
import { isReachable } from '../../../cluster/nodes/view.ts';
import { run } from '../../../hint.ts';
import { countOf, timed, type Command } from '../../core/command.ts';
import { COLUMN, nodesAsJson, showNodes, slotsOwned } from '../../views/cluster.ts';
import { countText, durationText } from '../../../units.ts';
import { planText } from '../../../plan/model/action.ts';

export const clusterCheck: Command = {
  name: 'cluster check',
  summary: 'everything that is wrong with the cluster, and the command that repairs it',
  run: async ({ openSession }) => {
    const session = await openSession();
    const { checkCluster } = await import('../../../stack/commands/cluster/check.ts');
    const { nodes, findings } = await checkCluster(session);
    const views = nodes.map(({ view }) => view);
    const stack = session.spec.name;
    const isOk = findings.length === 0;
    return {
      data: { stack, ok: isOk, findings, nodes: nodesAsJson(session, views.filter(isReachable)) },
      show: async (screen) => {
        const { role, slotCount, keys, memory, replicas, links } = COLUMN;
        await showNodes(screen, views, [role, slotCount, keys, memory, replicas, links]);
        screen.line();
        if (isOk) screen.good(`${stack}: ${countText(views.length, 'node')}, no findings`);
        for (const one of findings) screen.bad(`${one.text}\n  → ${screen.renderHint(mendHint(one))}`);
      },
      exitCode: isOk ? 0 : 1,
    };
  },
};

export const clusterWait: Command = {
  name: 'cluster wait',
  isReport: true,
  summary: 'return when every node agrees on every slot and a write and a read work; else say what is in the way',
  run: async ({ openSession }) => {
    const session = await openSession();
    const { waitForCluster } = await import('../../../stack/commands/cluster/whole-cluster.ts');
    const { result: views, elapsedMs } = await timed(() => waitForCluster(session));
    const { name } = session.spec;
    const agreed = `${countText(views.length, 'node')} agree on ${slotsOwned(views)}`;
    return {
      data: { stack: name, elapsedMs, nodes: nodesAsJson(session, views) },
      show: ({ good }) => good(`${name}: ${agreed}, a write and a read work (${durationText(elapsedMs)})`),
    };
  },
};

export const clusterCreate: Command = {
  name: 'cluster create',
  changes: true,
  summary: 'create one cluster from running nodes that are alone and hold nothing (up does it by itself)',
  options: { '--replicas <count>': 'of each primary (default: redis.replicas of the YAML file)' },
  run: async ({ openSession, options }) => {
    const replicas = countOf(options, 'replicas', {
      takes: 'a number of replicas',
      hint: run('cluster create --replicas 1'),
    });
    const session = await openSession();
    const { createCluster } = await import('../../../stack/commands/cluster/create.ts');
    const { result: views, elapsedMs } = await timed(() => createCluster(session, replicas));
    const { name, redis } = session.spec;
    return {
      data: { stack: name, elapsedMs, nodes: nodesAsJson(session, views) },
      show: ({ good, line }) => {
        const primaries = views.filter(({ table: { myself } }) => myself.role === 'primary').length;
        const roles = `${countText(primaries, 'primary', 'primaries')}, ${countText(views.length - primaries, 'replica')}`;
        good(`${name}: ${roles}, cluster_state:ok, ${slotsOwned(views)}, in ${durationText(elapsedMs)}`);
        if (replicas === undefined || replicas === redis.replicas) return;
        line(
          `  The YAML file says redis.replicas: ${redis.replicas}. Write ${replicas} there, or up and status find fault with this cluster.`,
        );
      },
    };
  },
};

export const clusterFix: Command = {
  name: 'cluster fix',
  changes: true,
  summary: 'repair what `cluster check` finds; asks before anything by which keys may be lost',
  options: {
    '--simulate': 'show what would be done next, and change nothing',
    '--dry-run': 'the same',
  },
  run: async ({ openSession, options, terminal, json, quiet, confirm, endProgress }) => {
    const session = await openSession();
    const { fixCluster } = await import('../../../stack/commands/cluster/fix.ts');
    const simulate = options['simulate'] === true || options['dryRun'] === true;
    const { steps, movedKeys, findings } = await fixCluster(session, {
      simulate,
      onPlan: (actions) => {
        endProgress();
        // What gives up keys is told in any case.
        const isTold = !quiet || simulate || actions.some(({ destructive }) => destructive);
        if (!json && isTold) terminal.stdout.write(planText(actions));
      },
      confirm,
    });
    const stack = session.spec.name;
    return {
      data: { stack, simulated: simulate, findings, steps, movedKeys },
      show: ({ good, line }) => {
        if (findings.length === 0) good(`${stack}: nothing to repair`);
        else if (!simulate) good(`${stack}: repaired; ${countText(movedKeys, 'key was', 'keys were')} moved`);
        else if (steps.length === 0) line(`${stack}: nothing that can be repaired here`);
      },
    };
  },
};
