import { quoted } from '../../hint.ts';
import type { ConnectionInfo } from '../../stack/connect/connection.ts';
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
    const { readConnection } = await import('../../stack/connect/connection.ts');
    const data = environment(await readConnection(session), options['reveal'] === true);
    return { data, show: ({ line }) => line(render(data, format)) };
  },
};

function environment(
  { plain, tls, passwordFile, passwordSource, password }: ConnectionInfo,
  reveal: boolean,
): Record<string, string> {
  return {
    ...(plain && { REDIS_CLUSTER_NODES: plain.nodes.join(','), REDIS_NAT_MAP: JSON.stringify(plain.natMap) }),
    ...(tls && {
      REDIS_TLS_CLUSTER_NODES: tls.nodes.map((node) => `rediss://${node}`).join(','),
      REDIS_TLS_NAT_MAP: JSON.stringify(tls.natMap),
      REDIS_TLS_CA_FILE: tls.files.ca,
      ...(tls.files.client && {
        REDIS_TLS_CERT_FILE: tls.files.client.certificate,
        REDIS_TLS_KEY_FILE: tls.files.client.key,
      }),
    }),
    ...passwordVariable(),
  };

  function passwordVariable(): Record<string, string> {
    if (reveal) return { REDIS_PASSWORD: password.reveal() };
    return passwordFile === undefined
      ? { REDIS_PASSWORD_SOURCE: passwordSource }
      : { REDIS_PASSWORD_FILE: passwordFile };
  }
}

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
