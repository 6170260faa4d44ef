import { quoted } from '../../hint.ts';
import { wrongValue, type Command, type OptionValues } from '../core/command.ts';
import { jsonText } from '../core/output.ts';

const FORMATS = ['dotenv', 'shell', 'json'] as const;
type Format = (typeof FORMATS)[number];

export const env: Command = {
  name: 'env',
  summary: 'print what an application needs to connect',
  options: {
    '--format <format>': 'dotenv, shell or json (default: dotenv)',
    '--reveal': 'the password itself instead of the path of its file',
  },
  run: async ({ openSession, options }) => {
    const format = parseFormat(options['format']);
    const session = await openSession({ secret: true });
    const { connectionVariables, readConnection } = await import('../../stack/connect/connection.ts');
    const data = connectionVariables(await readConnection(session), { reveal: options['reveal'] === true });
    return { data, show: ({ line }) => line(render(data, format)) };
  },
};

function render(variables: Readonly<Record<string, string>>, format: Format): string {
  if (format === 'json') return jsonText(variables);
  const prefix = format === 'shell' ? 'export ' : '';
  return Object.entries(variables)
    .map(([name, value]) => `${prefix}${name}=${assigned(value, format)}`)
    .join('\n');
}

/** In single quotes neither a shell nor a dotenv reader changes anything, as long as none is inside. */
function assigned(value: string, format: Format): string {
  return format === 'dotenv' && value.includes("'") ? JSON.stringify(value) : quoted(value);
}

function parseFormat(value: OptionValues[string]): Format {
  const format = value === undefined ? 'dotenv' : FORMATS.find((one) => one === value);
  if (format !== undefined) return format;
  throw wrongValue('--format', FORMATS.join(', '), value);
}
