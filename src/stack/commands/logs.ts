import type { LogOptions } from '../../engine/engine.ts';
import { containerName, isOwn } from '../../plan/model/names.ts';
import { findNode, notRunning } from '../session/nodes.ts';
import type { Session } from '../session/session.ts';

export interface LogLine {
  readonly node: string;
  readonly text: string;
}

/** The log lines of one node or of all, each node's own in order, as they come. */
export async function readLogs(
  session: Session,
  nodeName: string | undefined,
  options: LogOptions,
  onLine: (line: LogLine) => void,
): Promise<void> {
  const { engine, spec } = session;
  const nodes = nodeName === undefined ? spec.nodes : [findNode(session, nodeName)];
  const present = new Set((await engine.listContainers()).filter(isOwn(spec.name)).map(({ name }) => name));
  const absent = nodes.map(({ name }) => containerName(spec.name, name)).find((name) => !present.has(name));
  if (absent !== undefined) throw notRunning(absent);
  await Promise.all(
    nodes.map(async ({ name }) => {
      let rest = '';
      for await (const chunk of engine.logs(containerName(spec.name, name), options)) {
        const lines = (rest + chunk.toString('utf8')).split('\n');
        rest = lines.pop() ?? '';
        for (const text of lines) onLine({ node: name, text });
      }
      if (rest !== '') onLine({ node: name, text: rest });
    }),
  );
}
