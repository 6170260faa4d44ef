import { useEffect } from 'preact/hooks';
import type { Feed } from './feed.ts';
import { statusIcon } from './parts/status-mark.tsx';
import { HEALTH_WORDS } from './words.ts';

/** The page's tab shows the state while another tab is looked at. */
export function useTab({ connection, state }: Feed): void {
  const status = connection === 'live' ? (state?.health ?? 'unknown') : 'unknown';
  const word = connection === 'lost' ? 'connection lost' : HEALTH_WORDS[status];
  const title = state === undefined ? 'Redis Cluster' : `${word} · ${state.stack}`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  useEffect(() => {
    document.querySelector('link[rel=icon]')?.setAttribute('href', statusIcon(status));
  }, [status]);
}
