import type { JSX } from 'preact';
import type { LiveState } from '../inspection/live-state.ts';
import { Announcer } from './announcer.tsx';
import { useFeed, type Feed } from './feed.ts';
import { peakOf } from './history.ts';
import { NodeCard } from './parts/node-card.tsx';
import { SlotSection } from './slots/slot-section.tsx';
import { useSlotView } from './slots/slot-view.ts';
import { Snippets } from './parts/snippets.tsx';
import { Summary } from './summary.tsx';
import { useTab } from './tab.ts';
import { Totals } from './totals.tsx';

/** More cards than these are narrower. */
const MANY = 9;

export function App(): JSX.Element {
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
        {hello !== undefined && <Snippets snippets={hello.snippets} />}
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
