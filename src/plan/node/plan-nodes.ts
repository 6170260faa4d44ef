import { hint, run } from '../../hint.ts';
import type { Spec } from '../../spec/spec.ts';
import type { Conflict } from '../engine/conflicts.ts';
import { newAction, actionKey, type Action, type ActionOf } from '../model/action.ts';
import { containerName } from '../model/names.ts';
import type { Observed, Wanted } from '../model/observed.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { findChangedSettings, findUnknown, findLiveDrift, type ConfigText } from './config-drift.ts';
import { planPassword } from './plan-password.ts';

/** What brings passwords, certificates and settings of nodes that run to what they should be, without a restart where that goes. */
export function planNodes(
  spec: Spec,
  wanted: Wanted,
  seen: Pick<Observed, 'config'> & Pick<Snapshot, 'passwords' | 'settings' | 'certificates'>,
): { readonly actions: readonly Action[]; readonly conflicts: readonly Conflict[] } {
  const certificates = seen.certificates.flatMap(({ node, cause, isRefused }): Action[] => {
    if (cause === undefined) return [];
    // Where no plain port is open, a node that this host refuses can't be told of another one.
    const type = isRefused && !spec.tls.plain ? 'renew certificate and restart' : 'renew certificate';
    return [newAction(type, node, cause)];
  });
  if (certificates.some(({ type }) => type === 'renew certificate and restart'))
    return { actions: certificates, conflicts: [] };
  const states = spec.nodes.flatMap(({ name }) => {
    const [files, config, live] = [
      seen.config.get(containerName(spec.name, name)),
      wanted.config.get(name),
      seen.settings.get(name),
    ];
    if (files === undefined || config === undefined || live === undefined) return [];
    return [{ config, state: { node: name, files, live } }];
  });
  const conflicts = states.flatMap(({ config, state }) => unknownSettings(spec, config, state));
  const settings = states.flatMap(({ config, state }) => planConfig(config, state));
  return { actions: [...planPassword(seen.passwords), ...certificates, ...settings], conflicts };
}

/** A line that no Redis knows comes into no file: the node would not start with it. */
function unknownSettings({ redis }: Spec, wanted: ConfigText, { node, files, live }: ConfigState): Conflict[] {
  const [unknown] = findUnknown(findChangedSettings(files, wanted), live);
  if (unknown === undefined) return [];
  return [
    {
      code: 'SPEC_INVALID',
      message: `${node} knows no setting '${unknown}', and would not start with it; no node was given it`,
      hint: hint`Correct ${redis.config ?? 'redis.config'}, the redis.conf that the YAML file names, then: ${run('up')}`,
    },
  ];
}

/** What a node says of its configuration. */
interface ConfigState {
  readonly node: string;
  /** Its files, as they are in its container. */
  readonly files: ConfigText;
  /** CONFIG GET of the running server. */
  readonly live: ReadonlyMap<string, string>;
}

type ConfigAction = ActionOf<'set config' | 'write configuration'>;

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
    return newAction('set config', node, cause, { name, value, isByHand: !isChanged(name) });
  });
  if (files.redisConf === wanted.redisConf && files.userConf === wanted.userConf) return sets;
  const names = changes.map(({ name }) => name).join(', ');
  const cause = names === '' ? 'redis.conf differs' : `redis.conf differs: ${names}`;
  return [...sets, newAction('write configuration', node, cause, {}, { after: sets.map(actionKey) })];
}
