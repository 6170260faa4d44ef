/**
 * `tsx scripts/terminal-picture.ts < screen > docs/terminal.svg`: a picture of a terminal's screen, read as text with colour
 * codes, as `tmux capture-pane -e -p` prints it. Made from a real run; see docs/decisions.md.
 */
import { text as readAll } from 'node:stream/consumers';

const COLOURS: Readonly<Record<string, string>> = { '31': '#ff7b72', '32': '#7ee787', '36': '#79c0ff' };
const LINE_HEIGHT = 18;
const CHARACTER_WIDTH = 8.05;
const PADDING = 16;

interface Span {
  readonly text: string;
  readonly style: string;
}

function spansOf(line: string): Span[] {
  const spans: Span[] = [];
  let style = '';
  // oxlint-disable-next-line no-control-regex -- escape sequences begin with a control character
  for (const part of line.split(/(\u001B\[[\d;]*m)/)) {
    // oxlint-disable-next-line no-control-regex -- as above
    const codes = /^\u001B\[([\d;]*)m$/.exec(part)?.[1]?.split(';');
    if (codes === undefined) {
      if (part !== '') spans.push({ text: part, style });
      continue;
    }
    for (const code of codes) {
      if (code === '' || code === '0' || code === '39' || code === '22') style = '';
      else if (code === '1') style += 'font-weight:bold;';
      else if (code === '2') style += 'opacity:0.6;';
      else if (COLOURS[code] !== undefined) style += `fill:${COLOURS[code]};`;
    }
  }
  return spans;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function picture(screen: string): string {
  const lines = screen.replace(/\s+$/, '').split('\n').map(spansOf);
  const columns = Math.max(...lines.map((spans) => spans.reduce((sum, { text }) => sum + text.length, 0)));
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * PADDING);
  const height = lines.length * LINE_HEIGHT + 2 * PADDING;
  const rows = lines.map((spans, index) => {
    const content = spans.map(
      ({ text, style }) => `<tspan${style === '' ? '' : ` style="${style}"`}>${escaped(text)}</tspan>`,
    );
    return `<text x="${PADDING}" y="${PADDING + LINE_HEIGHT * (index + 0.8)}">${content.join('')}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="13.4" fill="#e6edf3" xml:space="preserve">
${rows.join('\n')}
</g>
</svg>
`;
}

void readAll(process.stdin).then((screen) => process.stdout.write(picture(screen)));
