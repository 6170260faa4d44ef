import type { ExecStreams } from '../../engine/engine.ts';
import { containerName, isOwn, LABELS } from '../../plan/model/names.ts';
import { CLIENT_PROGRAM, connectionArguments } from '../../plan/model/definitions.ts';
import { CONTAINER_PORTS } from '../../spec/ports.ts';
import { CONFIG_FOLDER, CONFIG_VOLUME, PASSWORD_FILE } from '../../plan/node/redis-config.ts';
import { findNode, notRunning, requireHosts, type Session } from '../session/session.ts';

/**
 * Runs the node's own redis-cli in cluster mode. The password goes from the container's file into that one process's
 * environment: it is in no argument and in no record of the engine.
 *
 * @returns redis-cli's exit code.
 */
export async function runRedisCli(
  session: Session,
  nodeName: string | undefined,
  args: readonly string[],
  streams: ExecStreams,
): Promise<number> {
  const { engine, spec } = session;
  const containers = (await engine.listContainers()).filter(isOwn(spec.name));
  const first = spec.nodes.find(({ host = '' }) => !engine.away().has(host));
  const node = nodeName === undefined ? first : findNode(session, nodeName);
  requireHosts(session, node === undefined ? [] : [node]);
  const name = containerName(spec.name, node?.name ?? '');
  const container = containers.find((one) => one.name === name);
  if (container?.state !== 'running') throw notRunning(name);
  // With an encrypted bus MIGRATE speaks TLS, to the port that redis-cli has found: of the plain one it would get no answer.
  const isTls = args.includes('--cluster') && container.labels[LABELS.tls] === 'bus';
  const overTls = (arg: string): string => {
    const announced = spec.nodes.map((one) => one.announced).find(({ ip, plain }) => arg === `${ip}:${plain}`);
    const { plain, tls } = announced ?? CONTAINER_PORTS;
    return arg.replace(new RegExp(`:${plain}$`), `:${tls}`);
  };
  const given = isTls ? args.map(overTls) : args;
  const connection = connectionArguments(isTls ? { tls: { ...spec.tls, plain: false } } : spec).join(' ');
  const { isTTY, rows, columns } = streams.stdout;
  // The engine's own resize call comes too late: redis-cli asks for the size of its terminal as it starts.
  const resize = isTTY ? `stty rows ${rows} cols ${columns} 2>/dev/null; ` : '';
  const client = `exec ${CLIENT_PROGRAM} -c ${connection}`;
  const line = `${resize}REDISCLI_AUTH="$(cat ${PASSWORD_FILE})" ${client} "$@"`;
  // Where an earlier version of this program has made it, its files are elsewhere.
  const script = `F=${CONFIG_FOLDER}; [ -d $F ] || F=${CONFIG_VOLUME}; ${line.replaceAll(CONFIG_FOLDER, '$F')}`;
  return engine.execInteractive(name, ['sh', '-c', script, 'redis-cli', ...given], streams);
}
