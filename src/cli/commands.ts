import type { Section } from './core/command.ts';
import { accessNames } from './commands/access/names.ts';
import { certs } from './commands/certs.ts';
import { clusterCall } from './commands/cluster/call.ts';
import { clusterCheck, clusterCreate, clusterFix, clusterWait } from './commands/cluster/health.ts';
import { clusterBackup, clusterImport, clusterRestore } from './commands/cluster/data.ts';
import { clusterAddNode, clusterRemoveNode } from './commands/cluster/edit-nodes.ts';
import { clusterKeyslot } from './commands/cluster/keyslot.ts';
import {
  clusterFailover,
  clusterForget,
  clusterMeet,
  clusterReplicate,
  clusterReset,
} from './commands/cluster/membership.ts';
import { clusterRebalance, clusterReshard } from './commands/cluster/move-slots.ts';
import { clusterInfo, clusterNodes, clusterSlots } from './commands/cluster/nodes.ts';
import { completion } from './commands/completion.ts';
import { doctor } from './commands/doctor.ts';
import { down } from './commands/down.ts';
import { env } from './commands/env.ts';
import { imageBuild } from './commands/image-build.ts';
import { init } from './commands/init.ts';
import { logs } from './commands/logs.ts';
import { plan } from './commands/plan.ts';
import { proxy, proxyProcess } from './commands/access/proxy.ts';
import { redisCli } from './commands/redis-cli.ts';
import { restart } from './commands/restart.ts';
import { reaper, runCommand } from './commands/run.ts';
import { secretsInit, secretsRotate } from './commands/secrets.ts';
import { serve } from './commands/serve.ts';
import { status } from './commands/status.ts';
import { up } from './commands/up.ts';

/** In the order of the help text: the daily ones first. */
export const SECTIONS: readonly Section[] = [
  { heading: 'Bring it up, take it down:', entries: [init, up, plan, restart, down] },
  { heading: 'See how it is:', entries: [status, doctor, logs, certs] },
  { heading: 'Use it:', entries: [redisCli, env, proxy, serve, runCommand] },
  {
    heading: 'Operate it:',
    entries: [
      {
        name: 'cluster',
        summary: 'check and repair it, look into it, move slots, change its nodes, back up and restore',
      },
      { name: 'access', summary: 'how clients on this host find the nodes: names' },
      { name: 'secrets', summary: "the nodes' password: init, rotate" },
      { name: 'image', summary: 'an image without a registry: build' },
    ],
  },
  { heading: 'Find and repair:', entries: [clusterCheck, clusterFix, clusterWait] },
  { heading: 'Look into it:', entries: [clusterInfo, clusterNodes, clusterSlots, clusterKeyslot, clusterCall] },
  { heading: 'Move slots:', entries: [clusterReshard, clusterRebalance] },
  { heading: 'Change its nodes:', entries: [clusterAddNode, clusterRemoveNode, clusterFailover, clusterReplicate] },
  { heading: 'Keep and copy its data:', entries: [clusterBackup, clusterRestore, clusterImport] },
  {
    heading: 'Form it by hand, as up does by itself:',
    entries: [clusterCreate, clusterMeet, clusterForget, clusterReset],
  },
  {
    heading: 'Commands:',
    entries: [accessNames, secretsInit, secretsRotate, imageBuild, reaper, proxyProcess],
  },
  { heading: 'Help:', entries: [completion] },
];
