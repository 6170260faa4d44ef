import { createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Engine } from '../../../src/engine/engine.ts';
import { overlaps, parseBlock } from '../../../src/spec/addresses.ts';

/** The base, like `10.213`, of a /16 that neither a network of the engine nor one of this host overlaps. */
export async function freeSubnetBase(engine: Engine, reserved: ReadonlySet<string>): Promise<string> {
  const ofEngine = (await engine.listNetworks()).flatMap(({ subnets }) => subnets);
  const ofHost = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.flatMap(({ family, cidr }) => (family === 'IPv4' && cidr !== null ? [cidr] : [])),
  );
  const taken = [...ofEngine, ...ofHost].flatMap((text) => parseBlock(text) ?? []);
  for (let second = 213; second > 0; second -= 1) {
    const base = `10.${second}`;
    const block = parseBlock(`${base}.0.0/16`);
    if (block !== undefined && !reserved.has(base) && !taken.some((other) => overlaps(block, other))) return base;
  }
  throw new Error('no subnet below 10.213.0.0/16 is free');
}

/** Ports that nobody holds on 127.0.0.1 right now. All are held until the last is known, so that they are distinct. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listen(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
