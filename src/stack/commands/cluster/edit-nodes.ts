import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { explainRefusal, replaceFile } from '../../../kept-files.ts';
import { addNodes, completeNode, removeNodes, type NewNode } from '../../../spec/edit-nodes.ts';
import { isOwn, LABELS } from '../../../plan/model/names.ts';
import type { Volume } from '../../../plan/model/resources.ts';
import { writtenPorts, type HostPorts } from '../../../spec/ports.ts';
import { chooseHosts } from '../../../spec/host-rules.ts';
import type { Spec } from '../../../spec/spec.ts';
import { findNode, requireHosts, type Session } from '../../session/session.ts';
import { checkStackText } from '../../session/load.ts';

export interface GivenNode extends Partial<HostPorts> {
  readonly ip?: string;
  readonly host?: string;
}

/**
 * Writes more nodes into the YAML file, with the next free address and ports where none are given, and on the host with the
 * fewest nodes. `up` does the rest. One that is in the file as it is asked for stays: a run that was interrupted wrote it, and
 * the same command goes on.
 *
 * @throws StackError USAGE for a node that is there with another address, port or host, USAGE or SPEC_INVALID where the file
 *   would not hold a cluster any more; it is left as it is
 */
export async function addToFile(session: Session, names: readonly string[], given: GivenNode): Promise<Session> {
  const { spec, report } = session;
  const volumes = spec.hosts.length === 0 ? [] : (await session.engine.listVolumes()).filter(isOwn(spec.name));
  checkHost(session, given.host);
  const written = spec.nodes.map((node): NewNode => ({ ...node, ports: writtenPorts(spec, node) }));
  const added: NewNode[] = [];
  for (const name of names) {
    const present = [...written, ...added].find((node) => node.name === name);
    if (present === undefined) added.push(completeNode(name, given, [...written, ...added], spec.network));
    else if (isAsGiven(present, given)) report({ subject: name, state: 'done', text: 'is in the YAML file already' });
    else {
      throw new StackError('USAGE', {
        message: `there is a node '${name}' in the stack ${spec.name} already, with another address, port or host`,
        hint: hint`Change it in the YAML file by hand, then: ${run('up')}`,
      });
    }
  }
  if (added.length === 0) return session;
  const placed = placeOnHosts(session, added, volumes);
  return edit(session, (text) => addNodes(text, placed));
}

/** @throws StackError USAGE for a host that the YAML file doesn't name, ENGINE_UNREACHABLE for one that is away */
function checkHost({ spec, engine }: Session, host: string | undefined): void {
  if (host === undefined) return;
  if (!spec.hosts.some(({ name }) => name === host)) {
    throw new StackError('USAGE', {
      message: `there is no host '${host}' in the YAML file of ${spec.name}`,
      hint:
        spec.hosts.length === 0
          ? 'Leave out --on: all its nodes are on one engine.'
          : `Its hosts are: ${spec.hosts.map(({ name }) => name).join(', ')}`,
    });
  }
  if (!engine.away().has(host)) return;
  throw new StackError('ENGINE_UNREACHABLE', {
    message: `the host ${host} does not answer, so no node can be added to it; nothing was changed`,
    hint: 'Start it, or name another host with --on.',
  });
}

/**
 * Where no host was named, the one on which a node of this name has left its volume, or else one that answers is chosen, and
 * told.
 *
 * @throws StackError DATA_AT_RISK for a node whose volume is on another host
 */
function placeOnHosts(
  { spec, engine, report }: Session,
  added: readonly NewNode[],
  volumes: readonly Volume[],
): readonly NewNode[] {
  if (spec.hosts.length === 0) return added;
  const kept = added.map((node): NewNode => {
    const left = volumes.find(({ labels }) => labels[LABELS.node] === node.name);
    if (left === undefined || (node.host ?? left.host) === left.host) return { ...node, host: left?.host ?? node.host };
    throw new StackError('DATA_AT_RISK', {
      message: `a former ${node.name} has left its volume ${left.name} on the host ${left.host ?? ''}; nothing was changed`,
      hint: run(`cluster add-node ${node.name} --on ${left.host ?? ''}`),
    });
  });
  const present = spec.hosts.map(({ name }) => name).filter((name) => !engine.away().has(name));
  const chosen = chooseHosts(spec, kept, present);
  return kept.map((node, index) => {
    const host = node.host ?? chosen.get(node.name);
    if (added[index]?.host === undefined)
      report({ subject: node.name, state: 'done', text: `its host is to be ${host ?? ''}` });
    return { ...node, host };
  });
}

function isAsGiven({ ip, ports, host }: NewNode, given: GivenNode): boolean {
  const kinds = ['plain', 'tls', 'bus'] as const;
  return (
    (given.ip ?? ip) === ip &&
    (given.host ?? host) === host &&
    kinds.every((kind) => (given[kind] ?? ports[kind]) === ports[kind])
  );
}

/**
 * Takes nodes out of the YAML file. `up` moves their slots to the others first. One that is out of it and has left its
 * volume was taken out by a run that was interrupted, and the same command goes on.
 *
 * @throws as `addToFile`
 */
export async function removeFromFile(session: Session, names: readonly string[]): Promise<Session> {
  const { engine, spec, report } = session;
  const own = (await engine.listVolumes()).filter(isOwn(spec.name));
  // Slots are only moved where every node answers; and what is on a host that is away would be forgotten there.
  requireHosts(session, spec.nodes, 'no node is removed');
  const isOut = (name: string): boolean =>
    !spec.nodes.some((node) => node.name === name) && own.some(({ labels }) => labels[LABELS.node] === name);
  const present = names.filter((name) => !isOut(name)).map((name) => findNode(session, name).name);
  for (const name of names.filter(isOut))
    report({ subject: name, state: 'done', text: 'is out of the YAML file already' });
  return present.length === 0 ? session : edit(session, (text) => removeNodes(text, present));
}

async function edit(session: Session, change: (text: string) => string | undefined): Promise<Session> {
  const path = await realpath(session.path);
  const changed = change(await readFile(path, 'utf8'));
  if (changed === undefined) {
    throw new StackError('USAGE', {
      message: `redis.nodes in ${path} is not written as one node a line, so nothing was changed`,
      hint: hint`Change it by hand, then: ${run('up')}`,
    });
  }
  const spec: Spec = checkStackText(path, changed);
  const { mode } = await stat(path);
  await replaceFile(path, changed, mode & 0o777).catch(async (error: unknown) => {
    const { why } = await explainRefusal(path, error);
    throw new StackError('USAGE', {
      message: `${path} can't be written: ${why}; nothing was changed`,
      hint: hint`ls -ld ${dirname(path)} ${path}   # or change it by hand, then: ${run('up')}`,
      cause: error,
    });
  });
  // What a Vault secret said of TLS still holds.
  return { ...session, spec: { ...spec, tls: session.spec.tls } };
}
