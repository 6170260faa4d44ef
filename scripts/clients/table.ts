/** One client's row of the table in docs/connect.md. */
export interface Row {
  readonly client: string;
  readonly version: string;
  /** One a column. */
  readonly cells: readonly string[];
  /** `2026-11-29, abc1234` */
  readonly run: string;
}

export const COLUMNS = ['plain', 'TLS', 'client certificate', 'failover', 'reshard', 'primary killed'] as const;
const [BEGIN, END] = ['<!-- written by npm run clients -->', '<!-- until here -->'];
const HEAD = [
  line(['client', 'version', ...COLUMNS, 'run']),
  line(['client', 'version', ...COLUMNS, 'run'].map(() => '---')),
];

/** The page with these rows, in the place of those that the same clients had; the others keep theirs. */
export function withRows(page: string, order: readonly string[], rows: readonly Row[]): string {
  const [before = '', behind] = page.split(BEGIN);
  const [kept = '', after] = (behind ?? '').split(END);
  if (after === undefined) throw new Error(`the page has no ${BEGIN} … ${END}`);
  const lines = order.flatMap((client) => {
    const row = rows.find((one) => one.client === client);
    if (row !== undefined) return line([client, row.version, ...row.cells, row.run]);
    return kept.split('\n').find((text) => text.startsWith(`| ${client} `)) ?? [];
  });
  return [before, BEGIN, '\n\n', [...HEAD, ...lines].join('\n'), '\n\n', END, after].join('');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
