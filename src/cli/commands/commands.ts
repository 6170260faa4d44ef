import type { Command } from '../core/command.ts';
import { certs } from './certs.ts';
import { clusterCall } from './cluster/call.ts';
import { clusterCheck, clusterCreate, clusterFix, clusterWait } from './cluster/health.ts';
import { clusterBackup, clusterImport, clusterRestore } from './cluster/data.ts';
import { clusterAddNode, clusterRemoveNode } from './cluster/edit-nodes.ts';
import { clusterKeyslot } from './cluster/keyslot.ts';
import { clusterFailover, clusterForget, clusterMeet, clusterReplicate, clusterReset } from './cluster/membership.ts';
import { clusterRebalance, clusterReshard } from './cluster/move-slots.ts';
import { clusterInfo, clusterNodes, clusterSlots } from './cluster/nodes.ts';
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
export const COMMANDS: readonly Command[] = [
  init,
  up,
  down,
  restart,
  status,
  doctor,
  plan,
  logs,
  redisCli,
  env,
  serve,
  runCommand,
  certs,
  clusterInfo,
  clusterNodes,
  clusterSlots,
  clusterKeyslot,
  clusterCall,
  clusterWait,
  clusterAddNode,
  clusterRemoveNode,
  clusterBackup,
  clusterRestore,
  clusterImport,
  clusterCheck,
  clusterFix,
  clusterCreate,
  clusterReplicate,
  clusterFailover,
  clusterForget,
  clusterMeet,
  clusterReset,
  clusterReshard,
  clusterRebalance,
  secretsInit,
  secretsRotate,
  imageBuild,
  reaper,
];
