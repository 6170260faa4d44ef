/** The proxy before one node, in a process of its own: where it listens, and the node's published port. */
import { startProxy } from '../../../src/proxy/proxy.ts';

const host = '127.0.0.1';
const [plain, upstream] = process.argv.slice(2).map(Number);
const announced = { ip: host, plain: 6379, tls: 6380 };
const node = { name: 'redis-1', announced, listen: { host, plain }, upstream: { host, plain: upstream } };
startProxy({ nodes: [node], info: () => ({}), report: console.error }).then(
  () => console.log('listening'),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
