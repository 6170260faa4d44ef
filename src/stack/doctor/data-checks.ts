import { parseNodeTable } from '../../cluster/nodes/node-table.ts';
import { mendHint } from '../../cluster/findings/finding.ts';
import { findWriteRefusals } from '../../cluster/findings/write-refusals.ts';
import type { ReachableView } from '../../cluster/nodes/view.ts';
import type { Engine } from '../../engine/engine.ts';
import { hint, run, type Hint } from '../../hint.ts';
import { volumeName } from '../../plan/model/names.ts';
import { NODE_TABLE_FILE } from '../../plan/node/redis-config.ts';
import type { Spec } from '../../spec/spec.ts';
import { failed, orOk, skipped, warning, type Line } from './diagnosis.ts';
import type { Facts, NodeContainer } from './facts.ts';
import { isJustStartedAgain } from './container-checks.ts';
import { damagedTableMend } from '../observe/log-signs.ts';
import { LOOK_INSIDE, parseInside, type Inside } from '../observe/inside.ts';
import { bytesText, durationText } from '../../units.ts';

const MEGABYTE = 1024 ** 2;
/** With less, the next rewrite of an append-only file may be the one that fails. */
const LOW_BYTES = 64 * MEGABYTE;
const FULL_BYTES = MEGABYTE;

/** Whether each container's /data is the node's own volume, can be written, and holds files that Redis can start with. */
export async function checkVolumes(facts: Facts): Promise<readonly Line[]> {
  const present = (await facts.containers.know()).filter(({ container }) => container !== undefined);
  if (present.length === 0) return [skipped('volumes', 'no container of the stack exists')];
  const { spec } = await facts.stack.know();
  const { engine } = await facts.engine.know();
  const up = run('up');
  const lines = await Promise.all(
    present.map(async (one) => [...mountLines(one, spec, up), ...(await fileLines(engine, one))]),
  );
  return orOk(lines.flat(), 'volumes', 'each node has its own, with a node table that Redis can read');
}

function mountLines({ node, name, details }: NodeContainer, spec: Spec, up: Hint): Line[] {
  const mount = details?.mounts.find(({ path }) => path === '/data');
  if (details === undefined) return [];
  const wanted = volumeName(spec.name, node.name);
  // Its own volume isn't touched by the removal of the container.
  const anew = hint`docker rm -fv ${name} && ${up}`;
  if (mount === undefined) return [failed(node.name, `${name} has no volume at /data`, anew)];
  if (mount.source !== wanted) {
    return [failed(node.name, `${name} has ${mount.source} at /data, and not its own volume ${wanted}`, anew)];
  }
  return mount.isWritable ? [] : [failed(node.name, `${name} may only read its volume ${wanted}`, anew)];
}

/** What lies there decides how the next start goes, however well the node runs now. */
async function fileLines(engine: Engine, one: NodeContainer): Promise<Line[]> {
  const { node, name, container } = one;
  const table = await engine.readFile(name, NODE_TABLE_FILE);
  const runs = container?.state === 'running';
  if (table !== undefined && !isNodeTable(table)) {
    const rewrite = hint`${run(`redis-cli ${node.name} -- CLUSTER SAVECONFIG`)}   # writes it again, from memory`;
    const mend = runs && !isJustStartedAgain(one) ? rewrite : damagedTableMend(one);
    const text = `the node table ${NODE_TABLE_FILE} of ${name} is damaged: Redis does not start with it`;
    return [failed(node.name, text, mend)];
  }
  return [];
}

/** Redis reads nothing into a table that isn't whole: it ends itself. */
export function isNodeTable(text: string): boolean {
  try {
    const { rows } = parseNodeTable(text);
    return text.endsWith('\n') && rows.every(({ id }) => /^[0-9a-f]{40}$/.test(id));
  } catch {
    return false;
  }
}

/** Room on the disk, in memory, and what Redis says of its last writes. */
export async function checkRoom(facts: Facts): Promise<readonly Line[]> {
  const { spec } = await facts.stack.know();
  const { engine } = await facts.engine.know();
  const containers = await facts.containers.know();
  const running = containers.filter(({ container }) => container?.state === 'running');
  if (running.length === 0) return [skipped('disk', 'no container runs')];
  const found = await Promise.all(
    running.map(async (one): Promise<{ one: NodeContainer; inside: Inside | undefined }> => {
      const output = await engine.readCommand(one.name, LOOK_INSIDE).catch(() => '');
      return { one, inside: parseInside(output) };
    }),
  );
  const lines = found.flatMap(({ one, inside }) => (inside === undefined ? [] : insideLines(one, inside, spec)));
  const unknown = found.filter(({ inside }) => inside === undefined).map(({ one }) => one.node.name);
  const frees = found.flatMap(({ inside }) => (inside === undefined ? [] : [inside.freeBytes]));
  if (unknown.length > 0) lines.push(skipped('disk', `${unknown.join(', ')}: the container does not tell`));
  return orOk(lines, 'disk', `${bytesText(Math.min(...frees))} free for /data`);
}

function insideLines({ node, name, details }: NodeContainer, inside: Inside, spec: Spec): Line[] {
  const { freeBytes, totalBytes, isReadOnly, killedProcesses } = inside;
  const volume = volumeName(spec.name, node.name);
  const room = `docker system df -v   # then make room on the disk of the volume ${volume}`;
  const mount = details?.mounts.find(({ path }) => path === '/data');
  const lines: Line[] = [];
  // A mount that says so itself has its line.
  if (isReadOnly && mount?.isWritable !== false) {
    const mend = hint`docker volume inspect ${volume}   # remount its disk writable, then: ${run(`restart ${node.name}`)}`;
    lines.push(failed(node.name, `the volume of ${name} can only be read`, mend));
  }
  const left = `${bytesText(freeBytes)} of ${bytesText(totalBytes)} are free for /data of ${name}`;
  if (freeBytes < FULL_BYTES) lines.push(failed(node.name, `the disk is full: ${left}`, room));
  else if (freeBytes < Math.min(LOW_BYTES, totalBytes / 10))
    lines.push(warning(node.name, `the disk is nearly full: ${left}`, room));
  if (killedProcesses > 0) {
    const text = `the kernel has killed ${killedProcesses} process(es) in ${name}: it was out of memory`;
    lines.push(failed(node.name, text, hint`Set redis.memory higher in the YAML file, then: ${run('up')}`));
  }
  return lines;
}

/** @param views of the nodes that answer */
export async function checkWrites(facts: Facts): Promise<readonly Line[]> {
  const { views, reason } = await answering(facts);
  if (views.length === 0) return [skipped('persistence', reason)];
  const refusals = findWriteRefusals(views);
  const refusing = refusals.map((one) => failed(one.node ?? '', one.text, mendHint(one)));
  const lines = views.flatMap(({ name, fields }): Line[] => {
    const signs: [field: string, what: string][] = [
      ['aof_last_write_status', 'write to the append-only file'],
      ['aof_last_bgrewrite_status', 'rewrite of the append-only file'],
      ['rdb_last_bgsave_status', 'save of a dump'],
    ];
    const failures = signs.filter(([field]) => fields.get(field) === 'err').map(([, what]) => what);
    if (failures.length === 0) return [];
    const text = `the last ${failures.join(' and the last ')} of ${name} failed`;
    return [warning(name, text, hint`${run(`logs ${name}`)}   # says why: most often the disk, or the memory`)];
  });
  const text = 'every primary takes writes, and every last write to disk went well';
  return orOk([...refusing, ...lines], 'persistence', text);
}

export async function checkMemory(facts: Facts): Promise<readonly Line[]> {
  const { views, reason } = await answering(facts);
  if (views.length === 0) return [skipped('memory', reason)];
  const containers = await facts.containers.know();
  const lines = views.flatMap((view): Line[] => {
    const limit = containers.find(({ node }) => node.name === view.name)?.details?.memoryBytes ?? 0;
    return memoryLines(view, limit);
  });
  const most = Math.max(...views.map(({ usedMemoryBytes }) => usedMemoryBytes));
  return orOk(
    lines,
    'memory',
    `at most ${bytesText(most)} used of a node's ${bytesText(Number(views[0]?.fields.get('maxmemory')))}`,
  );
}

/** Past this, the next burst of writes may be refused, or end the process. */
const NEARLY_FULL = 0.9;

function memoryLines({ name, fields, usedMemoryBytes }: ReachableView, limitBytes: number): Line[] {
  const maxmemory = Number(fields.get('maxmemory') ?? 0);
  const resident = Number(fields.get('used_memory_rss') ?? 0);
  const raise = hint`Set redis.memory and redis.maxmemory higher in the YAML file, then: ${run('up')}`;
  const lines: Line[] = [];
  // With any other policy a full memory is how a cache works; of one that refuses writes already, `checkWrites` tells.
  if (fields.get('maxmemory_policy') === 'noeviction' && maxmemory > 0 && usedMemoryBytes > maxmemory * NEARLY_FULL) {
    const text = `${name} uses ${bytesText(usedMemoryBytes)} of ${bytesText(maxmemory)}, and throws nothing out (noeviction)`;
    lines.push(warning(name, text, raise));
  }
  if (limitBytes > 0 && resident > limitBytes * NEARLY_FULL) {
    lines.push(
      warning(
        name,
        `${name} holds ${bytesText(resident)} of the ${bytesText(limitBytes)} that its container may have: past that the kernel ends it`,
        raise,
      ),
    );
  }
  return lines;
}

/** Further apart, what one writes with a time to live has another end elsewhere. */
const MOST_APART_MS = 2000;

export async function checkClocks(facts: Facts): Promise<readonly Line[]> {
  const probes = (await facts.probes.know()).filter(({ clockAheadMs }) => clockAheadMs !== undefined);
  if (probes.length === 0) return [skipped('clock', (await answering(facts)).reason)];
  const off = probes.filter(({ clockAheadMs = 0 }) => Math.abs(clockAheadMs) > MOST_APART_MS);
  const lines = off.map(({ node, clockAheadMs = 0 }) => {
    const side = clockAheadMs > 0 ? 'ahead of' : 'behind';
    const text = `the clock of ${node.name} is ${durationText(Math.abs(clockAheadMs))} ${side} this host's`;
    return warning(
      node.name,
      text,
      'sudo timedatectl set-ntp true   # on both hosts; an engine in a VM: restart the VM',
    );
  });
  return orOk(lines, 'clock', `the nodes' clocks and this host's agree within ${durationText(MOST_APART_MS)}`);
}

/** The nodes that answer, and why it may be none. */
export async function answering({ probes }: Facts): Promise<{ views: ReachableView[]; reason: string }> {
  const views = (await probes.know()).map(({ view }) => view);
  return { views: views.filter((view) => view.reachable), reason: 'no node answers' };
}
