import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

let show: (text: string) => void = () => undefined;

/** Tells users of a screen reader, when they have a moment. */
export function announce(text: string): void {
  show(text);
}

/** Where it is told: stands once in the page, unseen. */
export function Announcer(): JSX.Element {
  const [{ text, count }, setSaid] = useState({ text: '', count: 0 });
  useEffect(() => {
    show = (next) => setSaid((before) => ({ text: next, count: before.count + 1 }));
  }, []);
  // The same twice is told twice only if something differs.
  return (
    <p class="unseen" role="status">
      {text}
      {count % 2 === 1 ? '\u00a0' : ''}
    </p>
  );
}
