import type { LogOptions } from '../../engine/engine.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { findNode, notRunning, type Session } from '../session/session.ts';

/** The log lines of one node or of all, each node's own in order, as they come. */
export async function readLogs(
  session: Session,
  nodeName: string | undefined,
  options: LogOptions,
  onLine: (line: { readonly node: string; readonly text: string }) => void,
): Promise<void> {
  const { engine, spec } = session;
  const nodes = nodeName === undefined ? spec.nodes : [findNode(session, nodeName)];
  const present = new Set((await engine.listContainers()).filter(isOwn(spec.name)).map(({ name }) => name));
  const absent = nodes.map(({ name }) => containerName(spec.name, name)).find((name) => !present.has(name));
  if (absent !== undefined) throw notRunning(absent);
  await Promise.all(
    nodes.map(async ({ name }) => {
      for await (const text of engine.logs(containerName(spec.name, name), options)) onLine({ node: name, text });
    }),
  );
}
