import { findChangedSettings, findLiveDrift, type ConfigText } from './config-drift.ts';

/** What a node says of its configuration. */
export interface ConfigState {
  readonly node: string;
  /** Its files, as they are in its container. */
  readonly files: ConfigText;
  /** CONFIG GET of the running server. */
  readonly live: ReadonlyMap<string, string>;
}

/** One step on a node that runs: `set …` is CONFIG SET, `write configuration` puts its files in place for the next start. */
export interface ConfigAction {
  readonly type: `set ${string}` | 'write configuration';
  readonly node: string;
  readonly cause: string;
  /** Name and value of a CONFIG SET. */
  readonly setting: readonly [string, string] | undefined;
  /** The files have had it before: only the server was told otherwise. */
  readonly isByHand: boolean;
}

/**
 * What brings a node's configuration to the wanted one while it runs. The server first: a value that Redis refuses never
 * comes into a file with which it would not start again. What only a start brings is not for here: the container is
 * replaced then, and its files stay what the server goes by until it is.
 */
export function planConfig(wanted: ConfigText, { node, files, live }: ConfigState): ConfigAction[] {
  const changes = findChangedSettings(files, wanted);
  if (changes.some(({ isLive }) => !isLive)) return [];
  const isChanged = (name: string): boolean => changes.some((change) => change.name === name);
  const sets = findLiveDrift(wanted, live).map(({ name, value = '' }): ConfigAction => {
    const is = live.get(name) || 'empty';
    const cause = isChanged(name) ? `it is ${is}` : `it is ${is}: changed by hand`;
    return { type: `set ${name} ${value} on`, node, cause, setting: [name, value], isByHand: !isChanged(name) };
  });
  if (files.redisConf === wanted.redisConf && files.userConf === wanted.userConf) return sets;
  const names = changes.map(({ name }) => name).join(', ');
  const cause = names === '' ? 'its redis.conf is another one' : `its redis.conf has other values: ${names}`;
  return [...sets, { type: 'write configuration', node, cause, setting: undefined, isByHand: false }];
}
