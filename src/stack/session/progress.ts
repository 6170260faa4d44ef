/** What happens, as it happens. A view makes lines, a live list or JSON of it. */
export interface ProgressEvent {
  /** The thing that it is about: `engine`, `image redis:7-alpine`, `dev-redis-1`, `cluster`. */
  readonly subject: string;
  readonly state: 'running' | 'done' | 'warning' | 'failed';
  readonly text: string;
}

export type Report = (event: ProgressEvent) => void;
