import type { JSX } from 'preact';
import { holdsSlot } from '../../../cluster/slots/slots.ts';
import type { LiveNode } from '../../inspection/live-state.ts';
import { keyParts } from './key-parts.ts';
import { NOBODY } from '../slots/slot-map.ts';
import { ownerName, type SlotView } from '../slots/slot-view.ts';
import { Swatch } from './swatch.tsx';

interface Props {
  readonly view: SlotView;
  readonly text: string;
  readonly onText: (text: string) => void;
}

/** Which slot a key has, and who holds it: reckoned here, as Redis does. */
export function KeyField({ view, text, onText }: Props): JSX.Element {
  return (
    <div class="key-field">
      <label for="key">Where is a key?</label>
      <input
        id="key"
        type="text"
        value={text}
        placeholder="user:1000"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        onInput={({ currentTarget }) => onText(currentTarget.value)}
      />
      <output for="key">
        {text === '' ? (
          <span class="faint">Type a key to see its slot and its node.</span>
        ) : (
          <Answer view={view} text={text} />
        )}
      </output>
    </div>
  );
}

function Answer({ view, text }: Omit<Props, 'onText'>): JSX.Element {
  const { slot, before, tag, after } = keyParts(text);
  const owner = view.map[slot] ?? NOBODY;
  const name = ownerName(view, owner);
  const node = view.nodes.find((candidate) => candidate.name === name);
  const move = view.motions.find(({ slots }) => holdsSlot(slots, slot));
  return (
    <>
      <span class="answer">
        <span class="slot-number">slot {slot}</span>
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <span class="unseen">on </span>
        <Swatch view={view} owner={owner} />
        <span class="name">{name}</span>
        {node !== undefined && <span class="faint">{whereText(node, view.nodes)}</span>}
      </span>
      <span class="parts">
        <code>
          {before}
          {tag !== undefined && <mark>{tag}</mark>}
          {after}
        </code>
        <span class="faint">
          {tag === undefined ? 'The whole key chooses the slot.' : 'Only the marked hash tag chooses the slot.'}
        </span>
      </span>
      {owner === NOBODY && view.nobody === 'nobody' && (
        <span class="warning">No node owns this slot: commands with this key fail.</span>
      )}
      {move !== undefined && (
        <span class="warning">
          The slot is moving from {ownerName(view, move.from)} to {ownerName(view, move.to)}.
        </span>
      )}
    </>
  );
}

function whereText({ name, hostAddress }: LiveNode, nodes: readonly LiveNode[]): string {
  const replicas = nodes.filter(({ primary }) => primary === name).map((replica) => replica.name);
  return `${hostAddress}${replicas.length === 0 ? '' : `, copied by ${replicas.join(', ')}`}`;
}
