/** One client's row of a table in docs/connect.md. */
export interface Row {
  readonly client: string;
  readonly version: string;
  /** One a column. */
  readonly cells: readonly string[];
  /** `2026-11-29, abc1234` */
  readonly run: string;
}

export interface Table {
  /** It is between `<!-- written by npm run clients: MARK -->` and `<!-- until here: MARK -->`. */
  readonly mark: string;
  readonly columns: readonly string[];
}

/** The page with these rows, in the place of those that the same clients had; the others keep theirs. */
export function withRows(
  page: string,
  { mark, columns }: Table,
  order: readonly string[],
  rows: readonly Row[],
): string {
  const [begin, end] = [`<!-- written by npm run clients: ${mark} -->`, `<!-- until here: ${mark} -->`];
  const [before = '', behind] = page.split(begin);
  const [kept = '', after] = (behind ?? '').split(end);
  if (after === undefined) throw new Error(`the page has no ${begin} … ${end}`);
  const head = ['client', 'version', ...columns, 'run'];
  const lines = order.flatMap((client) => {
    const row = rows.find((one) => one.client === client);
    if (row !== undefined) return line([client, row.version, ...row.cells, row.run]);
    return kept.split('\n').find((text) => text.startsWith(`| ${client} `)) ?? [];
  });
  const all = [line(head), line(head.map(() => '---')), ...lines];
  return [before, begin, '\n\n', all.join('\n'), '\n\n', end, after].join('');
}

function line(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
