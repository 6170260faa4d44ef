import type { StackError } from '../../../errors.ts';
import type { ProgressEvent, Report } from '../../session/session.ts';

export type Teller = ReturnType<typeof startTelling>;

/** Tells of everything once, until all is well again. */
export function startTelling(report: Report) {
  const told = new Set<string>();
  let hasWorked = false;
  const once = (event: ProgressEvent): void => {
    if (told.has(event.text)) return;
    told.add(event.text);
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
    failure: ({ code, message, hint }: StackError): void =>
      once({ subject: 'up', state: 'failed', text: `${message} [${code}]`, ...(hint && { hint }) }),
    whole: (): void => {
      if (told.size > 0 || hasWorked) report({ subject: 'cluster', state: 'done', text: 'whole again' });
      told.clear();
      hasWorked = false;
    },
  };
}
