import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { NodeLink } from '../../../src/redis/node-link.ts';
import { Secret } from '../../../src/secret.ts';

test('a node that nobody can connect to has refused nothing: it did not answer', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const link = new NodeLink({ name: 'redis-1', host: '127.0.0.1', port, tls: undefined }, [
    async () => new Secret('x'),
  ]);
  const failure = { code: 'NODE_DISCONNECTED', message: 'redis-1 did not answer CLUSTER FORGET: ECONNREFUSED' };
  await expect(link.send('CLUSTER', 'FORGET')).rejects.toMatchObject(failure);
  await expect(link.sendAll([['CLUSTER', 'FORGET']])).rejects.toMatchObject(failure);
});
