import { hint, quoted, run } from '../../../hint.ts';
import { describeConnection } from '../../../stack/connect/connection.ts';
import type { ProxiedNode } from '../../../proxy/nodes.ts';
import { countText } from '../../../units.ts';
import type { Session } from '../../../stack/session/session.ts';
import { textOf, wrongValue, type Command, type Invocation } from '../../core/command.ts';
import { screenOn } from '../../core/output.ts';
import { proxyAsJson, proxyLine } from '../../views/cluster.ts';

const DEFAULT_PORT = 7000;

export const proxy: Command = {
  name: 'proxy',
  summary: 'a way to the nodes for any cluster client of this host, without a map, until Ctrl-C',
  options: {
    '--port <port>': `the first of the ports, one a node (default: those of the YAML file with access: proxy, else ${DEFAULT_PORT})`,
  },
  explanation: `With access: proxy in the YAML file, up starts it, and down ends it.`,
  run: async (invocation) => {
    const session = await invocation.openSession();
    const { proxiedNodes, serveProxy } = await import('../../../stack/commands/proxy.ts');
    const { findRunningProxy } = await import('../../../stack/observe/entrances.ts');
    const firstPort = parsePort(textOf(invocation.options, 'port'), session);
    const running = firstPort === undefined ? await findRunningProxy(session) : undefined;
    if (running !== undefined) {
      const { info } = running;
      return {
        data: proxyAsJson(session, running),
        show: ({ good, next }) => {
          good(`the proxy of ${info.stack} runs already. ${proxyLine(session, running)}`);
          next(hint`${run('down')}   # ends it, with the nodes; or kill ${info.pid}`);
        },
      };
    }
    const nodes = proxiedNodes(session, firstPort);
    const onListening = (): void => tell(invocation, session, nodes);
    const report = (text: string): void => session.report({ subject: 'proxy', state: 'warning', text });
    await serveProxy(session, nodes, { signal: invocation.signal, report, onListening });
    return 0;
  },
};

/** undefined: the ports of the YAML file. */
function parsePort(text: string | undefined, { spec }: Session): number | undefined {
  if (text === undefined) return spec.access === 'proxy' ? undefined : DEFAULT_PORT;
  const count = spec.nodes.length * (Number(spec.tls.plain) + Number(spec.tls.enabled));
  const most = 65_536 - count;
  if (/^[1-9]\d{0,4}$/.test(text) && Number(text) <= most) return Number(text);
  throw wrongValue('--port', `the first of ${count} ports, at most ${most}`, text, run(`proxy --port ${DEFAULT_PORT}`));
}

function tell(
  { endProgress, json, terminal, renderHint }: Invocation,
  session: Session,
  nodes: readonly ProxiedNode[],
) {
  endProgress();
  const addressOf = ({ listen }: ProxiedNode, kind: 'plain' | 'tls'): string | undefined =>
    listen[kind] === undefined ? undefined : `${listen.host}:${listen[kind]}`;
  if (json) {
    const shown = nodes.map((node) => ({
      name: node.name,
      plain: addressOf(node, 'plain'),
      tls: addressOf(node, 'tls'),
    }));
    terminal.stdout.write(`${JSON.stringify({ pid: process.pid, nodes: shown })}\n`);
    return;
  }
  const { good, line } = screenOn(terminal, renderHint);
  good(`${session.spec.name}: ${countText(nodes.length, 'node')} for any cluster client of this host, until Ctrl-C`);
  const width = Math.max(...nodes.map(({ name }) => name.length));
  for (const node of nodes) {
    const places = (['plain', 'tls'] as const).flatMap((kind) => {
      const address = addressOf(node, kind);
      return address === undefined ? [] : [kind === 'tls' ? `${address} (TLS)` : address];
    });
    line(`  ${node.name.padEnd(width)}  ${places.join('  ')}`);
  }
  line(`Connect: ${redisCli(session, nodes)}`);
}

function redisCli(session: Session, [first]: readonly ProxiedNode[]): string {
  const { passwordFile, tls } = describeConnection(session, 'proxy');
  const { host = '', plain, tls: encrypted } = first?.listen ?? {};
  const files = tls === undefined ? [] : ['--tls', '--cacert', quoted(tls.files.ca)];
  const client = tls?.files.client;
  const own = client === undefined ? [] : ['--cert', quoted(client.certificate), '--key', quoted(client.key)];
  const password = passwordFile === undefined ? '' : `REDISCLI_AUTH="$(cat ${quoted(passwordFile)})" `;
  const words = ['redis-cli', '-c', '-h', host, '-p', String(plain ?? encrypted)];
  return `${password}${[...words, ...(plain === undefined ? [...files, ...own] : [])].join(' ')}`;
}

/** The proxy that `up` starts, and `down` ends. */
export const proxyProcess: Command = {
  name: 'proxy-process',
  isHidden: true,
  summary: 'the proxy of a stack with access: proxy, which up starts; reads the YAML file again on SIGHUP',
  run: async ({ openSession, signal, terminal }) => {
    const { serveDetached } = await import('../../../stack/commands/proxy.ts');
    const report = (text: string): void => void terminal.stderr.write(`${new Date().toISOString()} ${text}\n`);
    await serveDetached(() => openSession(), { signal, report });
    return 0;
  },
};
