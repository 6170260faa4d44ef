import { loopbackAddress } from './addresses.ts';
import { CONTAINER_PORTS, portBehindProxy } from './ports.ts';
import type { Finding, SpecDocument } from './schema.ts';

/** What the way of clients to the nodes asks of their addresses, ports and names. */
export function checkAccess(document: SpecDocument): Finding[] {
  switch (document.access) {
    case 'map':
      return [];
    case 'proxy':
      return checkBehindProxy(document);
    case 'names':
      return checkNames(document);
  }
}

/** The nodes need ports beside those of the YAML file. */
function checkBehindProxy({ redis }: SpecDocument): Finding[] {
  const nodes = Object.entries(redis.nodes);
  const written = new Map(
    nodes.flatMap(([name, { ports }]) =>
      Object.entries(ports).map(([kind, port]): [number | undefined, string] => [port, `${name}.${kind}`]),
    ),
  );
  return nodes.flatMap(([name, { ports }]) =>
    (['plain', 'tls'] as const).flatMap((kind): Finding[] => {
      const behind = portBehindProxy(ports[kind]);
      const other = written.get(behind);
      if (other === undefined) return [];
      const message = `behind the proxy, ${name} has the host port ${behind}, and that is ${other}`;
      return [{ path: ['redis', 'nodes', name, 'ports', kind], message, hint: 'take another port' }];
    }),
  );
}

/** Whose these loopback addresses are on many hosts: their own, and that of systemd-resolved. */
const TAKEN_LOOPBACK = new Set(['127.0.0.1', '127.0.0.53', '127.0.0.54']);

/** What keeps clients from coming by name, of nodes of one subnet: no two of them have the same loopback address. */
function checkNames({ redis }: SpecDocument): Finding[] {
  const atIps = Object.entries(redis.nodes).flatMap(([name, { ip }]): Finding[] => {
    const address = loopbackAddress(ip);
    if (!TAKEN_LOOPBACK.has(address) && address !== redis.bind) return [];
    const holder = address === redis.bind ? 'and that is redis.bind' : "and that is the host's own";
    const message = `by its name, ${name} is at ${address} on this host, ${holder}`;
    return [{ path: ['redis', 'nodes', name, 'ip'], message, hint: 'take another address' }];
  });
  const atNames = Object.keys(redis.nodes)
    .filter((name) => name.endsWith('-') || name === 'localhost')
    .map((name): Finding => {
      const message = `by the name ${name}, no client reaches a node`;
      return { path: ['redis', 'nodes', name], message, hint: 'take another name' };
    });
  if (redis.bind !== '0.0.0.0') return [...atIps, ...atNames];
  const { plain, tls } = CONTAINER_PORTS;
  const atPorts = Object.entries(redis.nodes).flatMap(([name, { ports }]) =>
    Object.entries(ports)
      .filter(([, port]) => port === plain || port === tls)
      .map(([kind, port]): Finding => {
        const message = `host port ${port} on all addresses of this host leaves no node its own ${port} by name`;
        const hint = 'take another port, or redis.bind: 127.0.0.1';
        return { path: ['redis', 'nodes', name, 'ports', kind], message, hint };
      }),
  );
  return [...atIps, ...atNames, ...atPorts];
}
