import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { announce } from '../announcer.tsx';

const SHOWN_MS = 1600;

/** Puts a text into the clipboard, and says so. `what` names it for those who don't see where the button stands. */
export function CopyButton({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  const [outcome, setOutcome] = useState<{ readonly said: 'copied' | 'not copied' }>();
  useEffect(() => {
    if (outcome === undefined) return undefined;
    const timer = setTimeout(() => setOutcome(undefined), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [outcome]);
  const copy = async (): Promise<void> => {
    const said = (await copied(text)) ? 'copied' : 'not copied';
    setOutcome({ said });
    announce(`${what}: ${said}`);
  };
  return (
    <button
      type="button"
      class="copy"
      aria-label={`Copy ${what}`}
      data-outcome={outcome?.said}
      onClick={() => void copy()}
    >
      {outcome?.said ?? 'copy'}
    </button>
  );
}

/** A line to copy: a command, an address. */
export function Copyable({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  return (
    <span class="copyable">
      <code>{text}</code>
      <CopyButton text={text} what={what} />
    </span>
  );
}

async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copiedTheOldWay(text);
  }
}

/** Browsers give `navigator.clipboard` only to pages of https and of this host. */
function copiedTheOldWay(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'unseen';
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const isDone = document.execCommand('copy');
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isDone;
}
