import type { Command } from './command.ts';
import { certs } from './commands/certs.ts';
import { clusterBackup } from './commands/cluster-backup.ts';
import { clusterAddNode } from './commands/cluster-add-node.ts';
import { clusterCall } from './commands/cluster-call.ts';
import { clusterCheck } from './commands/cluster-check.ts';
import { clusterCreate } from './commands/cluster-create.ts';
import { clusterFailover } from './commands/cluster-failover.ts';
import { clusterFix } from './commands/cluster-fix.ts';
import { clusterForget } from './commands/cluster-forget.ts';
import { clusterImport } from './commands/cluster-import.ts';
import { clusterInfo } from './commands/cluster-info.ts';
import { clusterKeyslot } from './commands/cluster-keyslot.ts';
import { clusterMeet } from './commands/cluster-meet.ts';
import { clusterNodes } from './commands/cluster-nodes.ts';
import { clusterRebalance } from './commands/cluster-rebalance.ts';
import { clusterRemoveNode } from './commands/cluster-remove-node.ts';
import { clusterReplicate } from './commands/cluster-replicate.ts';
import { clusterReset } from './commands/cluster-reset.ts';
import { clusterReshard } from './commands/cluster-reshard.ts';
import { clusterRestore } from './commands/cluster-restore.ts';
import { clusterSlots } from './commands/cluster-slots.ts';
import { clusterWait } from './commands/cluster-wait.ts';
import { doctor } from './commands/doctor.ts';
import { down } from './commands/down.ts';
import { env } from './commands/env.ts';
import { imageBuild } from './commands/image-build.ts';
import { logs } from './commands/logs.ts';
import { plan } from './commands/plan.ts';
import { redisCli } from './commands/redis-cli.ts';
import { restart } from './commands/restart.ts';
import { secretsInit } from './commands/secrets-init.ts';
import { secretsRotate } from './commands/secrets-rotate.ts';
import { serve } from './commands/serve.ts';
import { status } from './commands/status.ts';
import { up } from './commands/up.ts';

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
