import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { announce } from './announcer.tsx';
import { Copyable } from './parts/copyable.tsx';
import { useNow } from './environment.ts';
import type { Feed } from './feed.ts';
import { remediesOf } from './remedies.ts';
import { StatusMark } from './parts/status-mark.tsx';
import { agoText, HEALTH_WORDS, timeText } from './words.ts';

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
        <ol class="findings" aria-label="What is wrong, and what mends it">
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
        {state !== undefined && <span class="age">what is shown is from {agoText((now - receivedAt) / 1000)}</span>}
      </span>
    </p>
  );
}
