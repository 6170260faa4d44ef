import type { Cell } from './cell.ts';

export interface WalkedCell extends Cell {
  readonly commit: string;
}

/** docs/compatibility.md: which engine with which server, and what is not enforced where. */
export function compatibilityPage(cells: readonly WalkedCell[]): string {
  const engines = [...new Set(cells.map(({ engine }) => engine))];
  const servers = [...new Set(cells.map(({ server }) => server))];
  const versions = (server: string): string => {
    const found = cells.flatMap((cell) => (cell.server === server ? (cell.serverVersion ?? []) : []));
    return [...new Set(found)].join(', ');
  };
  const heads = ['engine', 'version', ...servers.map((server) => `${server}<br>${versions(server)}`)];
  const rows = engines.map((engine) => {
    const ofEngine = cells.filter((cell) => cell.engine === engine);
    const outcomes = servers.map((server) => {
      const cell = ofEngine.find((one) => one.server === server);
      return cell === undefined ? '' : outcomeText(cell);
    });
    return row([engine, ofEngine.at(-1)?.engineVersion ?? '', ...outcomes]);
  });
  const steps = [...new Set(cells.flatMap((cell) => cell.steps.map(({ name }) => name)))];
  return `# Compatibility

This page is made by \`npm run grounds\` from what it saw (docs/compatibility.json). Each cell is one story, told on an engine
of its own with images of Debian's packages: how many of its steps passed, at which commit. An empty cell was not tried.

${[row(heads), row(heads.map(() => '---')), ...rows].join('\n')}

## The story

${steps.map((name) => `- ${name}`).join('\n')}

## Not enforced

${unenforcedList(cells) || 'Everything is.'}

## Failed

${failedList(cells) || 'Nothing.'}
`;
}

function outcomeText({ steps, commit }: WalkedCell): string {
  const passed = steps.filter(({ is }) => is !== 'failed').length;
  return passed === steps.length ? `✓ ${passed}, ${commit}` : `✗ ${passed} of ${steps.length}, ${commit}`;
}

/** What an engine doesn't enforce, the same for every server. */
function unenforcedList(cells: readonly WalkedCell[]): string {
  const lines = cells.flatMap(({ engine, steps }) =>
    steps.flatMap(({ is, message }) => (is === 'not enforced' ? [`- ${engine}: ${message}`] : [])),
  );
  return [...new Set(lines)].join('\n');
}

/** With the error that the program ended with, where that is why. */
function failedList(cells: readonly WalkedCell[]): string {
  const lines = cells.flatMap(({ engine, server, steps }) =>
    steps.flatMap(({ name, is, message = '' }) => {
      const said = message.split('\n');
      const error = said.findLast((line) => line.startsWith('✗')) ?? said[0];
      return is === 'failed' ? [`- ${engine}, ${server}, ${name}: ${error}`] : [];
    }),
  );
  return lines.join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
