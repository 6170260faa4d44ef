import type { Engine } from '../engine/engine.ts';

/** Where Redis keeps keys in /data: the files that it reads when it starts. */
export interface DataFiles {
  readonly hasDump: boolean;
  /** A folder since Redis 7.0, a file before. */
  readonly hasAppendOnlyFile: boolean;
}

export async function findDataFiles(engine: Engine, container: string): Promise<DataFiles> {
  const [hasDump, hasFolder, hasFile] = await Promise.all([
    engine.pathExists(container, '/data/dump.rdb'),
    engine.pathExists(container, '/data/appendonlydir'),
    engine.pathExists(container, '/data/appendonly.aof'),
  ]);
  return { hasDump, hasAppendOnlyFile: hasFolder || hasFile };
}
