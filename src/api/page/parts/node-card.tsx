import type { ComponentChildren, JSX } from 'preact';
import { SLOT_COUNT } from '../../../cluster/slots/slots.ts';
import type { LiveNode } from '../../inspection/live-state.ts';
import { CopyButton } from './copyable.tsx';
import { linesOf, type Sample } from '../history.ts';
import type { SlotView } from '../slots/slot-view.ts';
import { StatusMark } from './status-mark.tsx';
import { Swatch } from './swatch.tsx';
import { ageText, agoText, bytesText, numberText, shortNumberText } from '../../../units.ts';
import { roleText, shareText } from '../words.ts';

interface Props {
  readonly view: SlotView;
  readonly node: LiveNode;
  readonly samples: readonly Sample[];
  /** The top of the sparklines, the same for all nodes, so that they can be compared. */
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
          <span class="number">{figures === undefined ? '–' : shortNumberText(figures.opsPerSecond)}</span>
          <span class="faint">ops/s</span>
        </p>
        <Sparkline samples={samples} now={now} peak={peak} />
      </div>
      {figures !== undefined && <Memory figures={figures} />}
      <dl class="figures">
        {figures !== undefined && (
          <>
            <Figure name="keys">{numberText(figures.keys)}</Figure>
            <Figure name="clients">{numberText(figures.clients)}</Figure>
            <Figure name="uptime">{ageText(figures.uptimeSeconds * 1000)}</Figure>
            <Figure name="bus links" isBad={figures.busLinks.up < figures.busLinks.all}>
              {figures.busLinks.up} of {figures.busLinks.all}
            </Figure>
          </>
        )}
        {(node.role !== 'replica' || node.slotCount > 0) && (
          <Figure name="slots">
            {numberText(node.slotCount)} <span class="faint">{shareText(node.slotCount, SLOT_COUNT)}</span>
          </Figure>
        )}
        {figures?.replicationLink !== undefined && (
          <Figure name="replication" isBad={figures.replicationLink === 'down'}>
            link {figures.replicationLink}
          </Figure>
        )}
        {figures !== undefined && <Figure name={figures.server.replace(/ .*/, '')}>{figures.redisVersion}</Figure>}
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
            <span>{agoText(now - lastFailure.at)}</span> <span class="faint">{lastFailure.text}</span>
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

const WIDTH = 240;
const HEIGHT = 32;

/** The last minute of a node as a line; the number beside it is for those who don't see it. */
function Sparkline({ samples, now, peak }: Pick<Props, 'samples' | 'now' | 'peak'>): JSX.Element {
  const lines = linesOf(samples, now, peak).map((line) =>
    line.map(({ x, y }) => ({ x: round(x * WIDTH), y: round(1.5 + y * (HEIGHT - 3)) })),
  );
  const paths = lines.map((line) => {
    const [first, last] = [line[0]?.x ?? 0, line.at(-1)?.x ?? 0];
    const path = line.map(({ x, y }) => `${x} ${y}`).join('L');
    // A point alone is a line without length, whose round ends are seen.
    return { line: `M${path}${line.length === 1 ? 'h0' : ''}`, area: `M${first} ${HEIGHT}L${path}L${last} ${HEIGHT}z` };
  });
  return (
    <svg class="sparkline" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="area" d={paths.map(({ area }) => area).join('')} />
      <path class="line" d={paths.map(({ line }) => line).join('')} />
    </svg>
  );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
