import type { Hint } from '../../hint.ts';

/** From the bottom up: what stands further down can't work while something above it doesn't. */
export const HEADINGS = [
  'Program',
  'Engine',
  'Network',
  'Secrets and Certificates',
  // The four of the reference document's "Cluster Troubleshooting".
  'Node Failures',
  'Connection Issues',
  'Cluster Not Forming',
  'Missing Slots',
] as const;
export type Heading = (typeof HEADINGS)[number];

export type CheckState = 'ok' | 'warning' | 'failed' | 'skipped';

/** One thing that was looked at. */
export interface Check extends Line {
  readonly heading: Heading;
}

export interface Line {
  /** A node's name, or what it is that was looked at: `subnet`, `disk`. */
  readonly subject: string;
  readonly state: CheckState;
  readonly text: string;
  /** The next command to type. Every line that failed has one. */
  readonly mend?: Hint;
}

export function ok(subject: string, text: string): Line {
  return { subject, state: 'ok', text };
}

export function warning(subject: string, text: string, mend: Hint): Line {
  return { subject, state: 'warning', text, mend };
}

export function failed(subject: string, text: string, mend: Hint): Line {
  return { subject, state: 'failed', text, mend };
}

/** It can't be told, because of something that has a line of its own. */
export function skipped(subject: string, text: string): Line {
  return { subject, state: 'skipped', text };
}

/** What is wrong, or one line that says that nothing is. */
export function orOk(lines: readonly Line[], subject: string, text: string): readonly Line[] {
  return lines.length === 0 ? [ok(subject, text)] : lines;
}
