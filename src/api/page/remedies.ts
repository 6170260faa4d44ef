import type { LiveState } from '../inspection/live-state.ts';

/** A command, and all that it mends. */
export interface Remedy {
  readonly command: string;
  readonly texts: readonly string[];
}

/** Findings that one command mends stand together, where the first of them stood. */
export function remediesOf(findings: LiveState['findings']): Remedy[] {
  const texts = new Map<string, string[]>();
  for (const { text, command } of findings) texts.set(command, [...(texts.get(command) ?? []), text]);
  return [...texts].map(([command, mended]) => ({ command, texts: mended }));
}
