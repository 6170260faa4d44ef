import { hint, run, type Hint, type RenderHint } from '../../hint.ts';
import { goRedis } from './go-redis.ts';
import { ioredis, nodeRedis } from './javascript.ts';
import { jedis } from './jedis.ts';
import { lettuce } from './lettuce.ts';
import { redisPy } from './redis-py.ts';
import { reachOf, type SnippetConnection } from './reach.ts';

/** A whole program in one language: it connects, writes a key, and prints what it reads back. */
export interface Snippet {
  readonly language: string;
  /** One line: what it needs. */
  readonly note: string;
  readonly code: string;
}

const LIBRARIES = [ioredis, nodeRedis, redisPy, goRedis, jedis, lettuce];

/** For the plain port where it is open, else over TLS, verified. Each snippet runs as it is, on the host of the stack. */
export function connectionSnippets(connection: SnippetConnection, renderHint: RenderHint): Snippet[] {
  const reach = reachOf(connection);
  const password = passwordNote(connection).map(renderHint);
  return LIBRARIES.map(({ language, note, code }) => ({
    language,
    note: [note(reach), ...password].join(' '),
    code: code(reach),
  }));
}

function passwordNote({ passwordFile, passwordSource }: SnippetConnection): Hint[] {
  if (passwordFile !== undefined) return [];
  return [hint`The password is in ${passwordSource}; first: eval "$(${run('env --format shell --reveal')})"`];
}
