import { createServer, type AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { findPortHolder } from '../../../src/host/port-holder.ts';

const isLinux = process.platform === 'linux';

test.skipIf(!isLinux).each([
  ['127.0.0.5', true, false],
  ['0.0.0.0', true, true],
  ['::', true, true],
])('who listens at %s has the port there: %j, and at another address: %j', async (host, isThere, isElsewhere) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen({ host, port: 0 }, resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const isHeld = async (address?: string): Promise<boolean> =>
    (await findPortHolder(port, address))?.includes(`(process ${process.pid})`) ?? false;
  expect(await Promise.all(['127.0.0.5', '127.0.0.6', undefined].map(isHeld))).toEqual([isThere, isElsewhere, true]);
});
