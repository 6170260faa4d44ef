import type { Section } from '../core/command.ts';
import { certs } from './certs.ts';
import { clusterCall } from './cluster/call.ts';
import { clusterCheck, clusterCreate, clusterFix, clusterWait } from './cluster/health.ts';
import { clusterBackup, clusterImport, clusterRestore } from './cluster/data.ts';
import { clusterAddNode, clusterRemoveNode } from './cluster/edit-nodes.ts';
import { clusterKeyslot } from './cluster/keyslot.ts';
import { clusterFailover, clusterForget, clusterMeet, clusterReplicate, clusterReset } from './cluster/membership.ts';
import { clusterRebalance, clusterReshard } from './cluster/move-slots.ts';
import { clusterInfo, clusterNodes, clusterSlots } from './cluster/nodes.ts';
import { completion } from './completion.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { env } from './env.ts';
import { imageBuild } from './image-build.ts';
import { init } from './init.ts';
import { logs } from './logs.ts';
import { plan } from './plan.ts';
import { redisCli } from './redis-cli.ts';
import { restart } from './restart.ts';
import { reaper, runCommand } from './run.ts';
import { secretsInit, secretsRotate } from './secrets.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { up } from './up.ts';

/** In the order of the help text: the daily ones first. */
export const SECTIONS: readonly Section[] = [
  { heading: 'Bring it up, take it down:', entries: [init, up, plan, restart, down] },
  { heading: 'See how it is:', entries: [status, doctor, logs, certs] },
  { heading: 'Use it:', entries: [redisCli, env, serve, runCommand] },
  {
    heading: 'Operate it:',
    entries: [
      {
        name: 'cluster',
        summary: 'check and repair it, look into it, move slots, change its nodes, back up and restore',
      },
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
  { heading: 'Commands:', entries: [secretsInit, secretsRotate, imageBuild, reaper] },
  { heading: 'Help:', entries: [completion] },
];
