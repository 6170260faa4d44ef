import type { LiveNode, LiveState } from '../inspection/live-state.ts';

const TIME = new Intl.DateTimeFormat('en', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** How much of the slots: `33.3 %`. A slot alone is more than nothing. */
export function shareText(part: number, all: number): string {
  const percent = (part / all) * 100;
  if (percent > 0 && percent < 0.1) return '< 0.1 %';
  return `${Number(percent.toFixed(1))} %`;
}

/** 17:08:36 */
export function timeText(at: number): string {
  return TIME.format(at);
}

/** `replica of redis-1, on host b` */
export function roleText({ role, primary, host }: Pick<LiveNode, 'role' | 'primary' | 'host'>): string {
  const text = role === 'replica' ? `replica of ${primary ?? 'nobody'}` : (role ?? 'role unknown');
  return host === undefined ? text : `${text}, on host ${host}`;
}

export const HEALTH_WORDS: Readonly<Record<LiveState['health'], string>> = {
  ok: 'ok',
  moving: 'slots are moving',
  failing: 'failing',
  unknown: 'unknown',
};

/** Findings that one command repairs stand together, where the first of them stood. */
export function remediesOf(findings: LiveState['findings']): { command: string; texts: string[] }[] {
  const texts = new Map<string, string[]>();
  for (const { text, command } of findings) texts.set(command, [...(texts.get(command) ?? []), text]);
  return [...texts].map(([command, repaired]) => ({ command, texts: repaired }));
}
