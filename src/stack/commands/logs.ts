import { hasCode } from '../../errors.ts';
import type { LogOptions } from '../../engine/engine.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import type { NodeSpec } from '../../spec/spec.ts';
import { findNode, notRunning, requireHosts, type Session } from '../session/session.ts';

/** The log lines of one node or of all, each node's own in order, as they come. */
export async function readLogs(
  session: Session,
  nodeName: string | undefined,
  options: LogOptions,
  onLine: (line: { readonly node: string; readonly text: string }) => void,
): Promise<void> {
  const { engine, spec, report } = session;
  const isThere = ({ name, host = '' }: NodeSpec): boolean => {
    const isAway = engine.away().has(host);
    if (isAway) report({ subject: name, state: 'warning', text: `its host ${host} does not answer` });
    return !isAway;
  };
  const present = new Set((await engine.listContainers()).filter(isOwn(spec.name)).map(({ name }) => name));
  const nodes = nodeName === undefined ? spec.nodes.filter(isThere) : [findNode(session, nodeName)];
  requireHosts(session, nodes);
  const absent = nodes.map(({ name }) => containerName(spec.name, name)).find((name) => !present.has(name));
  if (absent !== undefined) throw notRunning(absent);
  await Promise.all(
    nodes.map(async (node) => {
      const { name } = node;
      try {
        for await (const text of engine.logs(containerName(spec.name, name), options)) onLine({ node: name, text });
      } catch (error) {
        // Others go on to tell what becomes of a host that is lost.
        if (nodes.length === 1 || node.host === undefined || !hasCode(error, 'ENGINE_UNREACHABLE')) throw error;
        report({ subject: name, state: 'warning', text: `its host ${node.host} does not answer any more` });
      }
    }),
  );
}
