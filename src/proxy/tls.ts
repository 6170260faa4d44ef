import { isIP, type Socket } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { tlsOptions, type TlsTrust } from '../redis/connect-node.ts';
import type { Address, ProxiedNode } from './nodes.ts';

/** How the proxy is a node to its clients, and a client to the nodes. */
export interface ProxyTls {
  readonly trust: TlsTrust;
  readonly clientAuth: 'no' | 'optional' | 'yes';
  /** The node's private key and certificate chain as it has them now, in one PEM text. */
  readonly certificateOf: (node: ProxiedNode) => Promise<string>;
}

/** A verified connection to a node, as this program's own links are. */
export function connectVerified({ host, port }: Address, trust: TlsTrust, options: object): TLSSocket {
  // RFC 6066 section 3: an address is no server name.
  return connect({ ...options, host, port, ...tlsOptions(trust), ...(isIP(host) === 0 && { servername: host }) });
}

/** Makes TLS connections of a node's clients, with the node's own certificate. */
export class TlsEntrance {
  private readonly tls: ProxyTls;
  private served: { readonly shown: Buffer | undefined; readonly server: Promise<Server> } | undefined;
  private readonly shaking = new Map<string, (client: TLSSocket) => void>();

  constructor(tls: ProxyTls) {
    this.tls = tls;
  }

  /**
   * @param shown the certificate that the node has just shown, where it could be reached: with another one than last time,
   *   ours is loaded again
   * @returns the client's connection once its handshake is over; a handshake that fails has no end
   * @throws what `certificateOf` throws
   */
  async accept(node: ProxiedNode, client: Socket, shown: Buffer | undefined): Promise<TLSSocket> {
    const isOther = shown !== undefined && this.served?.shown?.equals(shown) !== true;
    if (this.served === undefined || isOther) this.served = { shown, server: this.serve(node) };
    const { served } = this;
    let server: Server;
    try {
      server = await served.server;
    } catch (error) {
      if (this.served === served) this.served = undefined;
      throw error;
    }
    const key = keyOf(client);
    return new Promise((resolve) => {
      this.shaking.set(key, resolve);
      client.once('close', () => this.shaking.delete(key));
      server.emit('connection', client);
    });
  }

  private async serve(node: ProxiedNode): Promise<Server> {
    const { trust, clientAuth, certificateOf } = this.tls;
    const pem = await certificateOf(node);
    const server = createServer({
      key: pem,
      cert: pem,
      ca: trust.caPem,
      requestCert: clientAuth !== 'no',
      rejectUnauthorized: clientAuth === 'yes',
      allowHalfOpen: true,
    });
    // As Redis does: who shows nothing is let in, who shows something must be known.
    server.on('secureConnection', (client) => {
      const isStranger =
        clientAuth === 'optional' && !client.authorized && client.getPeerX509Certificate() !== undefined;
      const resolve = this.shaking.get(keyOf(client));
      this.shaking.delete(keyOf(client));
      if (isStranger || resolve === undefined) client.destroy();
      else resolve(client);
    });
    server.on('tlsClientError', (_error, client) => client.destroy());
    return server;
  }
}

/** TLS gives the client's connection another object, which has the same ends. */
function keyOf({ localAddress, remoteAddress, remotePort }: Socket): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
