import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { proveReadWrite } from '../../../src/redis/prove.ts';
import { Secret } from '../../../src/secret.ts';

test('nobody answers: that may pass, and is told apart from a key that a node refuses', async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  const natMap = { '192.0.2.11:6379': { host: '127.0.0.1', port } };
  const proof = proveReadWrite(natMap, new Secret('anything'), undefined, [{ start: 0, end: 16_383 }]);
  await expect(proof).rejects.toMatchObject({ code: 'CLUSTER_UNHEALTHY', isPassing: true });
});
