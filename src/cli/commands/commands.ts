import type { Command } from '../core/command.ts';
import { certs } from './certs.ts';
import { clusterBackup } from './cluster/backup.ts';
import { clusterAddNode } from './cluster/add-node.ts';
import { clusterCall } from './cluster/call.ts';
import { clusterCheck } from './cluster/check.ts';
import { clusterCreate } from './cluster/create.ts';
import { clusterFailover } from './cluster/failover.ts';
import { clusterFix } from './cluster/fix.ts';
import { clusterForget } from './cluster/forget.ts';
import { clusterImport } from './cluster/import.ts';
import { clusterInfo } from './cluster/info.ts';
import { clusterKeyslot } from './cluster/keyslot.ts';
import { clusterMeet } from './cluster/meet.ts';
import { clusterNodes } from './cluster/nodes.ts';
import { clusterRebalance } from './cluster/rebalance.ts';
import { clusterRemoveNode } from './cluster/remove-node.ts';
import { clusterReplicate } from './cluster/replicate.ts';
import { clusterReset } from './cluster/reset.ts';
import { clusterReshard } from './cluster/reshard.ts';
import { clusterRestore } from './cluster/restore.ts';
import { clusterSlots } from './cluster/slots.ts';
import { clusterWait } from './cluster/wait.ts';
import { doctor } from './doctor.ts';
import { down } from './down.ts';
import { env } from './env.ts';
import { imageBuild } from './image-build.ts';
import { logs } from './logs.ts';
import { plan } from './plan.ts';
import { redisCli } from './redis-cli.ts';
import { restart } from './restart.ts';
import { secretsInit } from './secrets-init.ts';
import { secretsRotate } from './secrets-rotate.ts';
import { serve } from './serve.ts';
import { status } from './status.ts';
import { up } from './up.ts';

/** In the order of the help text: the daily ones first. */
export const COMMANDS: readonly Command[] = [
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
];
