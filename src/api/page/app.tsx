import { render, type JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { LiveState } from '../inspection/live-state.ts';
import { Announcer } from './announcer.tsx';
import { useFeed, type Feed } from './feed.ts';
import { peakOf } from './history.ts';
import { NodeCard } from './parts/node-card.tsx';
import { statusIcon } from './parts/status-mark.tsx';
import { SlotSection } from './slots/slot-section.tsx';
import { useSlotView } from './slots/slot-view.ts';
import { Snippets } from './parts/snippets.tsx';
import { Summary, Totals } from './summary.tsx';
import { HEALTH_WORDS } from './words.ts';

/** More cards than these are narrower. */
const MANY = 9;

function App(): JSX.Element {
  const feed = useFeed();
  useTab(feed);
  const { connection, state, hello } = feed;
  const classes = ['page', `is-${state?.health ?? 'unknown'}`, ...(connection === 'lost' ? ['is-stale'] : [])];
  return (
    <div class={classes.join(' ')}>
      <Announcer />
      <Summary feed={feed} />
      <main>
        {state !== undefined && <Cluster state={state} history={feed.history} />}
        {hello !== undefined && <Snippets reach={hello.reach} snippets={hello.snippets} />}
      </main>
      <footer>
        <a href="/docs">The API behind this page</a>
        <a href="/metrics">Metrics for Prometheus</a>
      </footer>
    </div>
  );
}

function Cluster({ state, history }: { readonly state: LiveState } & Pick<Feed, 'history'>): JSX.Element {
  const view = useSlotView(state);
  const peak = Math.max(10, peakOf(history));
  return (
    <div class="cluster">
      <Totals state={state} map={view.map} />
      <SlotSection view={view} moves={state.moves} />
      <section aria-labelledby="nodes-heading" hidden={state.nodes.length === 0}>
        <h2 id="nodes-heading">Nodes</h2>
        <div class={state.nodes.length > MANY ? 'nodes are-many' : 'nodes'}>
          {state.nodes.map((node) => (
            <NodeCard
              key={node.name}
              view={view}
              node={node}
              samples={history.get(node.name) ?? []}
              peak={peak}
              now={state.at}
            />
          ))}
        </div>
      </section>
    </div>
  );
}

/** The page's tab shows the state while another tab is looked at. */
function useTab({ connection, state }: Feed): void {
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

const root = document.querySelector('#page');
if (root !== null) render(<App />, root);
