import type { StackError } from '../../../errors.ts';
import type { ProgressEvent, Report } from '../../session/session.ts';

export type Teller = ReturnType<typeof startTelling>;

/** Tells of everything once, until all is well again. */
export function startTelling(report: Report) {
  const told = new Set<string>();
  let hasWorked = false;
  const once = (event: ProgressEvent, what = event.text): void => {
    if (told.has(what)) return;
    told.add(what);
    report(event);
  };
  return {
    progress: (event: ProgressEvent): void => {
      if (event.state === 'running' || event.subject === 'lock') return;
      if (event.state !== 'done') return once(event);
      hasWorked = true;
      report(event);
    },
    trouble: (subject: string, text: string): void => once({ subject, state: 'warning', text }),
    /** The first of them will do: while a cluster comes about, there is another one each moment. */
    problem: (text: string): void => {
      if (told.size === 0 && !hasWorked) once({ subject: 'cluster', state: 'warning', text });
    },
    failure: ({ code, message, hint }: StackError): void => {
      const text = `${message} [${code}]`;
      // One absence shows in whatever is asked next.
      const what = code === 'ENGINE_UNREACHABLE' ? (/^.*? do(es)? not answer/.exec(message)?.[0] ?? text) : text;
      once({ subject: 'up', state: 'failed', text, ...(hint && { hint }) }, what);
    },
    whole: (): void => {
      if (told.size > 0 || hasWorked) report({ subject: 'cluster', state: 'done', text: 'whole again' });
      told.clear();
      hasWorked = false;
    },
  };
}
