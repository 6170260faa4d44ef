import type { NodeLink } from '../node-link.ts';

/** A primary: a connection to it, and where the other nodes find it. */
export interface Peer {
  readonly link: NodeLink;
  /** 40 hexadecimal digits. */
  readonly id: string;
  readonly ip: string;
  readonly port: number;
}

export interface Route {
  readonly source: Peer;
  readonly target: Peer;
  /** The other primaries. */
  readonly others: readonly Peer[];
}

/** What has been moved since the last report. */
export type OnMoved = (moved: { readonly slots: number; readonly keys: number }) => void;

/** How far a server is that moves slots by itself: they arrive all at once, when everything has been copied. */
export type OnCopied = (slots: readonly number[], copied: Copied) => void;

export interface Copied {
  readonly bytes: number;
  /** About. */
  readonly ofBytes: number;
}
