import type { JSX } from 'preact';
import { NOBODY } from '../slots/slot-map.ts';
import type { SlotView } from '../slots/slot-view.ts';

interface Props {
  readonly view: Pick<SlotView, 'palette'>;
  readonly owner: number;
  /** For a replica: its primary, whose colour it has as its border. */
  readonly copyOf?: number | undefined;
}

/** An owner's colour with its number; hatched for nobody. The name stands beside it. */
export function Swatch({ view: { palette }, owner, copyOf }: Props): JSX.Element {
  if (owner === NOBODY) return <span class="swatch is-nobody" aria-hidden="true" />;
  const style =
    copyOf === undefined
      ? { background: palette.owner(owner), color: palette.ink }
      : { boxShadow: `inset 0 0 0 2px ${palette.owner(copyOf)}` };
  return (
    <span class="swatch" style={style} aria-hidden="true">
      {owner + 1}
    </span>
  );
}
