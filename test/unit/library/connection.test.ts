import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { CLUSTERS_VARIABLE, flush, ofThisWorker, type ClusterConnection } from '../../../src/library/connection.ts';

const ioredisOptions = { natMap: {}, redisOptions: { password: 'p' } };
const nodeRedisOptions = { rootNodes: [], nodeAddressMap: {}, defaults: { password: 'p' } };
const at = (port: number): ClusterConnection => ({
  nodes: [{ host: '127.0.0.1', port }],
  password: 'p',
  ioredisOptions,
  nodeRedisOptions,
  env: {},
});
const CLUSTERS = [at(7001), at(7002)];

afterEach(() => vi.unstubAllEnvs());

describe('the cluster of a worker', () => {
  test('is its own where another runner has started this one, and each has numbered its workers', () => {
    vi.stubEnv('VITEST_POOL_ID', '1');
    vi.stubEnv('JEST_WORKER_ID', '2');
    vi.stubEnv(CLUSTERS_VARIABLE, JSON.stringify(CLUSTERS));
    expect(ofThisWorker()).toEqual(at(7002));
    expect(ofThisWorker(CLUSTERS)).toEqual(at(7001));
  });

  test('is the one for all where there is one, the first outside of a worker, and of those handed over under jest its own', () => {
    vi.stubEnv('VITEST_POOL_ID', '5');
    expect(ofThisWorker([at(7001)])).toEqual(at(7001));
    vi.stubEnv('VITEST_POOL_ID', undefined);
    expect(ofThisWorker(CLUSTERS)).toEqual(at(7001));
    vi.stubEnv('JEST_WORKER_ID', '2');
    expect(ofThisWorker(CLUSTERS)).toEqual(at(7002));
  });

  test('says what to set where no runner has started one', () => {
    vi.stubEnv(CLUSTERS_VARIABLE, undefined);
    expect(() => ofThisWorker()).toThrow('no global set-up has started a cluster for the tests');
  });
});

test('flush waits for a node that says nothing, and then deletes no key anywhere; one that is stopped is left out', async () => {
  const silent = createServer((socket) => void socket.resume().on('error', () => undefined));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  const { port } = silent.address() as AddressInfo;
  const nodes = [port, 1].map((one) => ({ host: '127.0.0.1', port: one }));
  await expect(flush({ ...at(0), nodes })).rejects.toMatchObject({
    code: 'NODE_DISCONNECTED',
    message: `127.0.0.1:${port} says nothing; no key was deleted`,
  });
  silent.close();
  await flush({ ...at(0), nodes: nodes.slice(1) });
});
