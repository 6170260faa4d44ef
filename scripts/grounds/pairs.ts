import { SERVER_IMAGES, type ServerImageName } from '../../test/helpers/server-images.ts';
import { ENGINES, type EngineName } from './engines.ts';

/** With these the others are tried. */
const USUAL = { engine: 'docker-28', server: 'redis-8.0' } as const;
const ENGINE_NAMES = Object.keys(ENGINES) as EngineName[];

export type Pair = readonly [engine: EngineName, server: ServerImageName];

/**
 * Which engine with which server: `engine=a,b server=c` is each with each, and without words each engine has the usual server,
 * each server the usual engine.
 *
 * @returns undefined where a word is none of these
 */
export function pairsOf(words: readonly string[]): Pair[] | undefined {
  let engines: readonly EngineName[] | undefined;
  let servers: readonly ServerImageName[] | undefined;
  for (const word of words) {
    const [kind, list = ''] = word.split('=');
    if (kind === 'engine') engines = namesIn(list, ENGINE_NAMES);
    else if (kind === 'server') servers = namesIn(list, SERVER_IMAGES);
    else return undefined;
    if ((kind === 'engine' ? engines : servers) === undefined) return undefined;
  }
  if (words.length > 0) return cross(engines ?? [USUAL.engine], servers ?? [USUAL.server]);
  const others = SERVER_IMAGES.filter((server) => server !== USUAL.server);
  return [...cross(ENGINE_NAMES, [USUAL.server]), ...cross([USUAL.engine], others)];
}

function cross(engines: readonly EngineName[], servers: readonly ServerImageName[]): Pair[] {
  return engines.flatMap((engine) => servers.map((server): Pair => [engine, server]));
}

function namesIn<Name extends string>(list: string, known: readonly Name[]): Name[] | undefined {
  const found = list.split(',').map((name) => known.find((one) => one === name));
  return found.every((name) => name !== undefined) ? found : undefined;
}
