import type { ProgressEvent, Report } from '../../stack/session/session.ts';
import { isLively, painter, type Paint, type Terminal } from '../core/terminal.ts';

interface Progress {
  readonly report: Report;
  /** Ends the live view; to be called before anything else is written. */
  readonly end: () => void;
}

export const NO_PROGRESS: Progress = { report: () => undefined, end: () => undefined };

/** On a terminal a list that changes in place, one line a subject; elsewhere a line for each thing that is done. */
export function startProgress({ stderr, env }: Terminal): Progress {
  return isLively(stderr, env) ? liveProgress(stderr, painter(stderr, env)) : plainProgress(stderr);
}

export const MARKS = { running: '…', done: '✓', warning: '!', failed: '✗' } as const;

function plainProgress(stderr: NodeJS.WriteStream): Progress {
  let last = '';
  return {
    report: ({ subject, state, text, action }) => {
      if (state === 'running') return;
      // An action's text is the line of `plan`, which names what it is about.
      const line = `${MARKS[state]} ${action === undefined ? `${subject}: ` : ''}${text}\n`;
      if (line !== last) stderr.write(line);
      last = line;
    },
    end: () => undefined,
  };
}

const FRAME_MS = 80;
const SPINNER = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

function liveProgress(stderr: NodeJS.WriteStream, paint: Paint): Progress {
  const latest = new Map<string, ProgressEvent>();
  let frame = 0;
  let draw: ((text: string) => void) | undefined;
  let finish = (): void => undefined;
  let ended = false;
  let timer: NodeJS.Timeout | undefined;

  const redraw = (): void => {
    if (!ended) draw?.(progressFrame([...latest.values()], SPINNER[frame % SPINNER.length] ?? '', paint));
  };
  const start = async (): Promise<void> => {
    const { createLogUpdate } = await import('log-update');
    if (ended) return;
    const update = createLogUpdate(stderr);
    draw = update;
    finish = () => update.done();
    redraw();
  };
  return {
    report: (event) => {
      latest.set(event.subject, event);
      if (timer !== undefined) return;
      void start();
      timer = setInterval(() => {
        frame += 1;
        redraw();
      }, FRAME_MS);
    },
    end: () => {
      if (ended) return;
      clearInterval(timer);
      redraw();
      ended = true;
      finish();
    },
  };
}

/** One frame of the live list: a pure function of what was reported last of each subject. */
function progressFrame(events: readonly ProgressEvent[], spinner: string, paint: Paint): string {
  const width = Math.max(...events.map(({ subject }) => subject.length));
  const marks = {
    running: paint('cyan', spinner),
    done: paint('green', MARKS.done),
    warning: paint('yellow', MARKS.warning),
    failed: paint('red', MARKS.failed),
  };
  return events
    .map(({ subject, state, text }) => `${marks[state]} ${subject.padEnd(width)}  ${paint('dim', text.slice(0, 90))}`)
    .join('\n');
}
