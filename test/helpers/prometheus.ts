/** One line of metrics with a value. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL},?)*)\\})? (\\S+)( \\d+)?$`);

/**
 * Reads metrics as Prometheus does (its "Exposition formats", text format 0.0.4), and is as strict: one TYPE before a
 * metric's lines, which stand together, and no series twice.
 */
export function readSamples(text: string): Sample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const series = new Set<string>();
  const samples: Sample[] = [];
  let current = '';
  for (const line of text.split('\n').filter((one) => one !== '')) {
    const type = new RegExp(`^# TYPE (${NAME}) (counter|gauge|histogram|summary|untyped)$`).exec(line);
    if (type !== null) {
      const [, name = '', kind = ''] = type;
      if (types.has(name)) throw new Error(`two types of ${name}`);
      types.set(name, kind);
      current = name;
    } else if (!line.startsWith('# HELP ')) {
      const [, name = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      if (name === '') throw new Error(`this is no sample: ${line}`);
      if (name !== current) throw new Error(`${name} stands among the lines of ${current}`);
      if (types.get(name) === 'counter' && !name.endsWith('_total')) throw new Error(`a counter called ${name}`);
      if (series.has(`${name}{${labels}}`)) throw new Error(`the series is there twice: ${line}`);
      series.add(`${name}{${labels}}`);
      samples.push({ name, labels: labelsOf(labels), value: numberOf(value) });
    }
  }
  return samples;
}

function labelsOf(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(new RegExp(LABEL, 'g'))].map(([label]): [string, string] => {
      const equals = label.indexOf('=');
      return [label.slice(0, equals), label.slice(equals + 2, -1)];
    }),
  );
}

function numberOf(text: string): number {
  if (/^[+-]?Inf$/.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const value = Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`this is no number: ${text}`);
  return value;
}
