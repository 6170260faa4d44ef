import { readFile } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { errorMessage } from '../errors.ts';
import { explainListening } from '../host/port-holder.ts';
import { hostOf, knownBy, placeOf, type Known, type ProxiedNode } from './nodes.ts';
import { addresseeOf, answerText } from './opening.ts';
import { pair } from './pair.ts';
import { connectVerified, TlsEntrance, type ProxyTls } from './tls.ts';

export interface ProxyOptions {
  readonly nodes: readonly ProxiedNode[];
  /** Needed where a node listens for TLS. */
  readonly tls?: ProxyTls | undefined;
  /** What `PROXY INFO` is answered with, beside the counters. */
  readonly info: () => object;
  /** Told what an operator should know, each thing once. */
  readonly report: (text: string) => void;
}

export interface ProxyCounters {
  /** Now. */
  connections: number;
  /** Since the proxy began. */
  accepted: number;
  /** Replies in which an address was replaced. */
  rewritten: number;
  /** Replies that were too large to be rewritten. */
  tooLarge: number;
}

export interface Proxy {
  readonly counters: Readonly<ProxyCounters>;
  /**
   * Other nodes, or other ports. Connections stay, even those to a node that is no longer named.
   *
   * @throws StackError PORT_TAKEN, USAGE; then nothing has changed
   */
  readonly reload: (nodes: readonly ProxiedNode[]) => Promise<void>;
  /** Ends every connection. */
  readonly close: () => Promise<void>;
}

type Kind = 'plain' | 'tls';

type Accept = (entrance: Entrance, client: Socket) => void;

/** A port on which clients of one node come in. */
interface Entrance {
  readonly kind: Kind;
  readonly host: string;
  readonly port: number;
  node: ProxiedNode;
  readonly server: Server;
}

/** Finds peers that are gone without a word. */
const SOCKET_OPTIONS = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000, allowHalfOpen: true } as const;
/** To a port of this host. */
const CONNECT_TIMEOUT_MS = 5000;
/** So long a client's TLS handshake waits for the node's: to show what the node shows. */
const HANDSHAKE_MS = 1000;
/** Node.js's, and those that listen. */
const OWN_FILES = 64;
/** Clients come in crowds, when a pool is filled or a cluster's map has changed. */
const BACKLOG = 4096;

/** @throws StackError PORT_TAKEN, USAGE */
export async function startProxy({ nodes, tls, info, report }: ProxyOptions): Promise<Proxy> {
  const counters: ProxyCounters = { connections: 0, accepted: 0, rewritten: 0, tooLarge: 0 };
  const clients = new Set<Socket>();
  const told = new Set<string>();
  const most = await mostClients();
  let known: Known = new Map();
  let entrances: readonly Entrance[] = [];

  const tell = (text: string): void => {
    if (!told.has(text)) report(text);
    told.add(text);
  };
  let questions = 0;
  // Who asks is no client.
  const answer = (asker: Socket): string => {
    questions += 1;
    asker.once('close', () => (questions -= 1));
    return answerText({ ...info(), ...counters, connections: counters.connections - questions });
  };

  const reload = async (wanted: readonly ProxiedNode[]): Promise<void> => {
    const next: Entrance[] = [];
    try {
      for (const node of wanted) {
        for (const kind of ['plain', 'tls'] as const) {
          const { host, [kind]: port } = node.listen;
          if (port === undefined) continue;
          const same = entrances.find((one) => one.kind === kind && one.host === host && one.port === port);
          next.push(same ?? (await open(kind, host, port, node)));
        }
      }
    } catch (error) {
      for (const entrance of next) if (!entrances.includes(entrance)) entrance.server.close();
      throw error;
    }
    for (const entrance of entrances) if (!next.includes(entrance)) entrance.server.close();
    for (const entrance of next) {
      const { kind, host, port } = entrance;
      entrance.node = wanted.find(({ listen }) => listen.host === host && listen[kind] === port) ?? entrance.node;
    }
    entrances = next;
    known = knownBy(wanted);
  };

  const open = async (kind: Kind, host: string, port: number, node: ProxiedNode): Promise<Entrance> => {
    // TLS takes the connection over before anything of it is read.
    const server = createServer({ ...SOCKET_OPTIONS, pauseOnConnect: kind === 'tls' });
    const entrance: Entrance = { kind, host, port, node, server };
    const accept = kind === 'plain' ? acceptPlain : askedFirst(acceptTls(entrance));
    server.on('connection', (client) => {
      if (counters.connections >= most) {
        tell(`no file descriptors for more than ${most} clients: a higher ulimit -n gives the proxy more`);
        client.resetAndDestroy();
        return;
      }
      counters.accepted += 1;
      counters.connections += 1;
      clients.add(client);
      client.once('close', () => {
        counters.connections -= 1;
        clients.delete(client);
      });
      accept(entrance, client);
    });
    await listenAt(server, host, port);
    server.on('error', (error) => tell(`${host}:${port}: ${errorMessage(error)}`));
    return entrance;
  };

  const join = (kind: Kind, raw: Socket, client: Socket, upstream: Socket): void => {
    const here = hostOf(raw.localAddress);
    const outlook = { kind, placeOf: (host: string, port: number) => placeOf(known, here, host, port) };
    pair(client, upstream, { outlook, counters, answer: () => answer(raw), reset: () => raw.resetAndDestroy() });
  };
  /** Who asks the proxy itself need not speak TLS with it: `down` knows no more of it than its ports. */
  const askedFirst =
    (accept: Accept): Accept =>
    (entrance, client) => {
      client.on('error', () => client.destroy());
      client.once('readable', () => {
        const first: unknown = client.read();
        if (!Buffer.isBuffer(first)) client.destroy();
        else if (addresseeOf(first) === 'proxy') client.end(answer(client));
        else {
          client.unshift(first);
          accept(entrance, client);
        }
      });
    };
  const acceptPlain = ({ node: { upstream } }: Entrance, client: Socket): void => {
    const socket = connect({ ...SOCKET_OPTIONS, host: upstream.host, port: upstream.plain ?? 0 });
    bound(socket);
    join('plain', client, client, socket);
  };

  const acceptTls = (at: Entrance): Accept => {
    if (tls === undefined) throw new Error(`${at.node.name} listens for TLS, and there is nothing to serve it with`);
    const { trust } = tls;
    const handshakes = new TlsEntrance(tls);
    return ({ node }, raw) => {
      const { host, tls: port = 0 } = node.upstream;
      const upstream = connectVerified({ host, port }, trust, SOCKET_OPTIONS);
      bound(upstream);
      raw.on('error', () => upstream.destroy());
      raw.once('close', () => upstream.destroy());
      let isBegun = false;
      const begin = (shown?: Buffer): void => {
        if (isBegun || raw.destroyed) return;
        isBegun = true;
        handshakes.accept(node, raw, shown).then(
          (client) => join('tls', raw, client, upstream),
          (error: unknown) => {
            tell(`no certificate for the clients of ${node.name}: ${errorMessage(error)}`);
            raw.resetAndDestroy();
          },
        );
      };
      // A frozen node doesn't keep the proxy from saying who it is.
      const late = setTimeout(begin, HANDSHAKE_MS);
      upstream.once('close', () => clearTimeout(late));
      upstream.once('secureConnect', () => begin(upstream.getPeerCertificate().raw));
      upstream.once('error', (error) => {
        // What it shows is not what this stack's authority signed: nobody gets through to it.
        if (typeof upstream.authorizationError === 'string') {
          tell(`${node.name} shows a certificate that is not to be trusted: ${errorMessage(error)}`);
        }
        begin();
      });
    };
  };

  await reload(nodes);
  return {
    counters,
    reload,
    close: async () => {
      const closed = entrances.map(({ server }) => new Promise((resolve) => server.close(resolve)));
      for (const client of clients) client.destroy();
      await Promise.all(closed);
    },
  };
}

/** Each has two, and a few are the process's own: with none left, Node.js would end connections without a word. */
async function mostClients(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity);
  return Math.max(1, Math.floor((most - OWN_FILES) / 2));
}

function bound(upstream: Socket): void {
  const timer = setTimeout(() => upstream.destroy(new Error('the node does not answer')), CONNECT_TIMEOUT_MS);
  upstream.once('connect', () => clearTimeout(timer));
  upstream.once('close', () => clearTimeout(timer));
}

async function listenAt(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.removeListener('error', reject);
        resolve();
      });
    });
  } catch (error) {
    throw await explainListening(error, { host, port }, 'Stop it, or give the node another port in the YAML file.');
  }
}
