import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StackError } from '../../../errors.ts';
import { hint, run } from '../../../hint.ts';
import { explainRefusal, replaceFile } from '../../../kept-files.ts';
import { addNodes, completeNode, removeNodes, type NewNode } from '../../../spec/edit-nodes.ts';
import { isOwn, LABELS } from '../../../plan/model/names.ts';
import { writtenPorts, type HostPorts } from '../../../spec/ports.ts';
import type { Spec } from '../../../spec/spec.ts';
import { findNode, type Session } from '../../session/session.ts';
import { checkStackText } from '../../session/load.ts';

export interface GivenNode extends Partial<HostPorts> {
  readonly ip?: string;
}

/**
 * Writes more nodes into the YAML file, with the next free address and ports where none are given. `up` does the rest. One
 * that is in the file as it is asked for stays: a run that was interrupted wrote it, and the same command goes on.
 *
 * @throws StackError USAGE for a node that is there with another address or port, USAGE or SPEC_INVALID where the file would
 *   not hold a cluster any more; it is left as it is
 */
export async function addToFile(session: Session, names: readonly string[], given: GivenNode): Promise<Session> {
  const { spec, report } = session;
  const written = spec.nodes.map((node): NewNode => ({ ...node, ports: writtenPorts(spec, node) }));
  const added: NewNode[] = [];
  for (const name of names) {
    const present = [...written, ...added].find((node) => node.name === name);
    if (present === undefined) added.push(completeNode(name, given, [...written, ...added], spec.network.gateway));
    else if (isAsGiven(present, given)) report({ subject: name, state: 'done', text: 'is in the YAML file already' });
    else {
      throw new StackError('USAGE', {
        message: `there is a node '${name}' in the stack ${spec.name} already, with another address or another port`,
        hint: hint`Change it in the YAML file by hand, then: ${run('up')}`,
      });
    }
  }
  if (added.length === 0) return session;
  return edit(session, (text) => addNodes(text, added));
}

function isAsGiven({ ip, ports }: NewNode, given: GivenNode): boolean {
  const kinds = ['plain', 'tls', 'bus'] as const;
  return (given.ip ?? ip) === ip && kinds.every((kind) => (given[kind] ?? ports[kind]) === ports[kind]);
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
