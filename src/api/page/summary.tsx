import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { SLOT_COUNT } from '../../cluster/slots/slots.ts';
import type { LiveState } from '../inspection/live-state.ts';
import { announce } from './announcer.tsx';
import { Copyable } from './parts/copyable.tsx';
import { useNow } from './environment.ts';
import type { Feed } from './feed.ts';
import { HEALTH_WORDS, remediesOf, timeText } from './words.ts';
import { StatusMark } from './parts/status-mark.tsx';
import { agoText, bytesText, numberText, shortNumberText } from '../../units.ts';
import { NOBODY, type SlotMap } from './slots/slot-map.ts';

const LOST = 'connection to the service is lost; trying again';

/** The stack's name, how it is, and what to do about it. */
export function Summary({ feed }: { readonly feed: Feed }): JSX.Element {
  const { connection, state } = feed;
  const isLost = connection === 'lost';
  const health = state?.health ?? 'unknown';
  const headline = state?.headline ?? 'Waiting for the first look at the nodes.';
  const told = toldOf(feed);
  useEffect(() => announce(told), [told]);
  return (
    <header class="summary">
      <div class="title">
        {/* How it is now, nobody here knows while nobody tells. */}
        <StatusMark status={isLost ? 'unknown' : health} />
        <div>
          <h1>{state?.stack ?? 'Redis Cluster'}</h1>
          <p class="headline">
            <span class="unseen">{HEALTH_WORDS[health]}: </span>
            {headline}
          </p>
        </div>
      </div>
      {isLost ? <Lost feed={feed} /> : <Live feed={feed} />}
      {state !== undefined && state.findings.length > 0 && (
        <ol class="findings" aria-label="What is wrong, and what repairs it">
          {remediesOf(state.findings).map(({ command, texts }) => (
            <li key={command}>
              <div>
                {texts.map((text) => (
                  <p key={text}>{text}</p>
                ))}
              </div>
              <Copyable text={command} what={`the command ${command}`} />
            </li>
          ))}
        </ol>
      )}
    </header>
  );
}

/** For a screen reader: it changes with the state, not with each number in a headline. */
function toldOf({ connection, state }: Feed): string {
  if (connection === 'lost') return LOST;
  if (state === undefined) return '';
  const { stack, health, headline, findings } = state;
  if (health === 'moving') return `${stack}: ${HEALTH_WORDS.moving}`;
  return [`${stack}: ${headline}`, ...findings.slice(0, 1).map(({ text }) => text)].join('. ');
}

function Live({ feed: { connection, state } }: { readonly feed: Feed }): JSX.Element {
  return (
    <p class="link is-live">
      <span class="dot" aria-hidden="true" />
      {connection === 'connecting' || state === undefined ? (
        'connecting'
      ) : (
        <>
          live <time dateTime={new Date(state.at).toISOString()}>{timeText(state.at)}</time>
        </>
      )}
    </p>
  );
}

function Lost({ feed: { state, receivedAt } }: { readonly feed: Feed }): JSX.Element {
  const now = useNow(true);
  return (
    <p class="link is-lost">
      <span class="dot" aria-hidden="true" />
      <span>
        {LOST}
        {state !== undefined && <span class="age">what is shown is from {agoText(now - receivedAt)}</span>}
      </span>
    </p>
  );
}

const UNKNOWN = '–';

/** The cluster in five numbers. */
export function Totals({ state: { nodes }, map }: { readonly state: LiveState; readonly map: SlotMap }): JSX.Element {
  const answering = nodes.flatMap(({ role, figures }) => (figures === undefined ? [] : [{ role, ...figures }]));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const known = (text: string): string => (answering.length === 0 ? UNKNOWN : text);
  const owned = map.filter((owner) => owner !== NOBODY).length;
  const totals: [name: string, value: string, rest: string][] = [
    ['nodes up', String(nodes.filter(({ state }) => state === 'up').length), ` of ${nodes.length}`],
    ['slots owned', owned === 0 ? known('0') : numberText(owned), ` of ${numberText(SLOT_COUNT)}`],
    // A replica's keys are its primary's.
    ['keys', known(numberText(sum(answering.filter(({ role }) => role !== 'replica').map(({ keys }) => keys)))), ''],
    ['ops/s', known(shortNumberText(sum(answering.map(({ opsPerSecond }) => opsPerSecond)))), ''],
    ['memory', known(bytesText(sum(answering.map(({ memoryBytes }) => memoryBytes)))), ''],
  ];
  return (
    <dl class="totals">
      {totals.map(([name, value, rest]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            <span class="faint">{rest}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
