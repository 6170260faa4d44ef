import type { ComponentChildren, JSX } from 'preact';
import { SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import type { LiveNode } from '../../inspection/live-state.ts';
import { CopyButton } from './copyable.tsx';
import type { Sample } from '../history.ts';
import type { SlotView } from '../slots/slot-view.ts';
import { Sparkline } from './sparkline.tsx';
import { StatusMark } from './status-mark.tsx';
import { Swatch } from './swatch.tsx';
import { agoText, bytesText, countText, durationText, roleText, shareText, shortCountText } from '../words.ts';

interface Props {
  readonly view: SlotView;
  readonly node: LiveNode;
  readonly samples: readonly Sample[];
  readonly peak: number;
  /** By the clock of the service. */
  readonly now: number;
}

type Figures = NonNullable<LiveNode['figures']>;

/** So full, it is soon to throw out keys, or to refuse writes. */
const FULL_PERCENT = 90;

export function NodeCard({ view, node, samples, peak, now }: Props): JSX.Element {
  const { name, state, reason, address, hostAddress, figures, lastFailure } = node;
  const primary = node.primary === undefined ? undefined : view.names.indexOf(node.primary);
  return (
    <article class={`node is-${state}`} aria-labelledby={`node-${name}`}>
      <header>
        <Swatch view={view} owner={view.names.indexOf(name)} copyOf={primary} />
        <div>
          <h3 id={`node-${name}`}>{name}</h3>
          <p class="role">{roleText(node)}</p>
        </div>
        <span class={`state is-${state}`}>
          <StatusMark status={state} />
          {state}
        </span>
      </header>
      {reason !== undefined && <p class="reason">{reason}</p>}
      <div class="traffic">
        <p class="rate">
          <span class="number">{figures === undefined ? '–' : shortCountText(figures.opsPerSecond)}</span>
          <span class="faint">ops/s</span>
        </p>
        <Sparkline samples={samples} now={now} peak={peak} />
      </div>
      {figures !== undefined && <Memory figures={figures} />}
      <dl class="figures">
        {figures !== undefined && (
          <>
            <Figure name="keys">{countText(figures.keys)}</Figure>
            <Figure name="clients">{countText(figures.clients)}</Figure>
            <Figure name="uptime">{durationText(figures.uptimeSeconds)}</Figure>
            <Figure name="bus links" isBad={figures.busLinks.up < figures.busLinks.all}>
              {figures.busLinks.up} of {figures.busLinks.all}
            </Figure>
          </>
        )}
        {(node.role !== 'replica' || node.slotCount > 0) && (
          <Figure name="slots">
            {countText(node.slotCount)} <span class="faint">{shareText(node.slotCount, SLOT_COUNT)}</span>
          </Figure>
        )}
        {figures?.replicationLink !== undefined && (
          <Figure name="replication" isBad={figures.replicationLink === 'down'}>
            link {figures.replicationLink}
          </Figure>
        )}
        {figures !== undefined && <Figure name="Redis">{figures.redisVersion}</Figure>}
      </dl>
      <dl class="addresses">
        <Figure name="in the network">
          <code>{address}</code>
        </Figure>
        <Figure name="from this host">
          <code>{hostAddress}</code>
          <CopyButton text={hostAddress} what={`host address of ${name}`} />
        </Figure>
        {lastFailure !== undefined && (
          <Figure name="last failure">
            <span>{agoText((now - lastFailure.at) / 1000)}</span> <span class="faint">{lastFailure.text}</span>
          </Figure>
        )}
      </dl>
    </article>
  );
}

function Memory({ figures: { memoryBytes, maxMemoryBytes } }: { readonly figures: Figures }): JSX.Element {
  const isBounded = maxMemoryBytes > 0;
  const percent = isBounded ? Math.min(100, (memoryBytes / maxMemoryBytes) * 100) : 0;
  return (
    <div class="memory">
      <dl>
        <Figure name="memory">
          {bytesText(memoryBytes)}{' '}
          <span class="faint">{isBounded ? `of ${bytesText(maxMemoryBytes)}` : 'without a limit'}</span>
        </Figure>
      </dl>
      <span class={percent >= FULL_PERCENT ? 'gauge is-full' : 'gauge'} aria-hidden="true">
        <span style={{ width: `${percent}%` }} />
      </span>
    </div>
  );
}

interface FigureProps {
  readonly name: string;
  readonly isBad?: boolean;
  readonly children: ComponentChildren;
}

function Figure({ name, isBad = false, children }: FigureProps): JSX.Element {
  return (
    <div class={isBad ? 'is-bad' : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
