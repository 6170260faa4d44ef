import type { Command } from './command.ts';
import { certs } from './commands/certs.ts';
import { clusterCall } from './commands/cluster-call.ts';
import { clusterInfo } from './commands/cluster-info.ts';
import { clusterKeyslot } from './commands/cluster-keyslot.ts';
import { clusterNodes } from './commands/cluster-nodes.ts';
import { clusterSlots } from './commands/cluster-slots.ts';
import { clusterWait } from './commands/cluster-wait.ts';
import { down } from './commands/down.ts';
import { env } from './commands/env.ts';
import { imageBuild } from './commands/image-build.ts';
import { logs } from './commands/logs.ts';
import { plan } from './commands/plan.ts';
import { redisCli } from './commands/redis-cli.ts';
import { restart } from './commands/restart.ts';
import { secretsInit } from './commands/secrets-init.ts';
import { secretsRotate } from './commands/secrets-rotate.ts';
import { status } from './commands/status.ts';
import { up } from './commands/up.ts';

/** In the order of the help text: the daily ones first. */
export const COMMANDS: readonly Command[] = [
  up,
  down,
  restart,
  status,
  plan,
  logs,
  redisCli,
  env,
  certs,
  clusterInfo,
  clusterNodes,
  clusterSlots,
  clusterKeyslot,
  clusterCall,
  clusterWait,
  secretsInit,
  secretsRotate,
  imageBuild,
];
