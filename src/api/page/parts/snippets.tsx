import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Hello } from '../../inspection/live-state.ts';
import { CopyButton } from './copyable.tsx';
import { keep, kept } from '../environment.ts';

const KEPT_AS = 'language';

/** How to connect, in the language of the reader, who is asked once. */
export function Snippets({ reach, snippets }: Pick<Hello, 'reach' | 'snippets'>): JSX.Element | null {
  const [language, setLanguage] = useState(() => kept(KEPT_AS));
  const [isMapped, setMapped] = useState(false);
  const tabs = useRef<HTMLDivElement>(null);
  const index = Math.max(
    0,
    snippets.findIndex((snippet) => snippet.language === language),
  );
  const chosen = snippets[index];
  if (chosen === undefined) return null;
  const shown = (isMapped && chosen.mapped) || chosen;
  const choose = (next: number): void => {
    const wanted = snippets[next]?.language;
    if (wanted === undefined) return;
    setLanguage(wanted);
    keep(KEPT_AS, wanted);
  };
  const step = (event: KeyboardEvent): void => {
    const next = tabAfter(event.key, index, snippets.length);
    if (next === undefined) return;
    event.preventDefault();
    choose(next);
    tabs.current?.querySelectorAll('button')[next]?.focus();
  };
  return (
    <section class="snippets" aria-labelledby="snippets-heading">
      <h2 id="snippets-heading">Connect</h2>
      {reach !== undefined && <p>{`Reach: ${reach}.`}</p>}
      {chosen.mapped !== undefined && (
        <label>
          <input type="checkbox" checked={isMapped} onChange={() => setMapped(!isMapped)} />
          {' Through the published ports, with a map'}
        </label>
      )}
      <div class="tabs" role="tablist" aria-labelledby="snippets-heading" ref={tabs}>
        {snippets.map((snippet, place) => (
          <button
            key={snippet.language}
            type="button"
            role="tab"
            id={`tab-${place}`}
            aria-selected={place === index}
            aria-controls="snippet"
            tabIndex={place === index ? 0 : -1}
            onClick={() => choose(place)}
            onKeyDown={step}
          >
            {snippet.language}
          </button>
        ))}
      </div>
      <div class="snippet" id="snippet" role="tabpanel" aria-labelledby={`tab-${index}`}>
        <div class="note">
          <p>{shown.note}</p>
          <CopyButton text={shown.code} what={`the code for ${shown.language}`} />
        </div>
        <pre tabIndex={0} role="region" aria-label={`${shown.language} code`}>
          <code>{shown.code}</code>
        </pre>
      </div>
    </section>
  );
}

function tabAfter(key: string, index: number, count: number): number | undefined {
  switch (key) {
    case 'ArrowRight':
      return (index + 1) % count;
    case 'ArrowLeft':
      return (index + count - 1) % count;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return undefined;
  }
}
