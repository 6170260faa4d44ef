import { isIP } from 'node:net';
import type { TrustFiles } from '../../stack/connect/trust.ts';
import { addressOf, isMapped, type Library, type Place, type Reach } from './reach.ts';
import { inJavaScript, source } from './source.ts';

export const ioredis: Library = {
  language: 'Node.js, ioredis',
  note: () => 'Needs ioredis 5 or later; save it as hello.mjs.',
  code: (reach) => source`
${importOfFiles(reach)}
import { Cluster } from 'ioredis';

const cluster = new Cluster(
  [
    ${reach.nodes.map((node) => `${placeObject(node)},`)}
  ],
  {
    ${mapped(reach, 'natMap')}
    ${byName(reach)}
    redisOptions: {
      password: ${readPassword(reach)},
      ${reach.tls === undefined ? [] : ['tls: {', ...tlsFiles(reach.tls), '},']}
    },
  },
);

await cluster.set('hello:ioredis', 'world');
console.log(await cluster.get('hello:ioredis'));
await cluster.quit();
`,
};

export const nodeRedis: Library = {
  language: 'Node.js, node-redis',
  note: () => 'Needs redis 5 or later; save it as hello.mjs.',
  code: (reach) => source`
${importOfFiles(reach)}
import { createCluster } from 'redis';

const cluster = createCluster({
  rootNodes: [
    ${reach.nodes.map((node) => `{ socket: ${placeObject(node)} },`)}
  ],
  ${mapped(reach, 'nodeAddressMap')}
  defaults: {
    password: ${readPassword(reach)},
    ${reach.tls === undefined ? [] : ['socket: {', '  tls: true,', ...tlsFiles(reach.tls), '},']}
  },
});
cluster.on('error', (error) => console.error(error));

await cluster.connect();
await cluster.set('hello:node-redis', 'world');
console.log(await cluster.get('hello:node-redis'));
await cluster.close();
`,
};

function importOfFiles({ tls, passwordFile }: Reach): string[] {
  return tls === undefined && passwordFile === undefined ? [] : ["import { readFileSync } from 'node:fs';"];
}

function mapped(reach: Reach, option: string): string[] {
  if (!isMapped(reach)) return [];
  const entries = reach.map.map(
    ({ announced, found }) => `  ${inJavaScript(addressOf(announced))}: ${placeObject(found)},`,
  );
  return ['// What the nodes announce, and where this host finds them.', `${option}: {`, ...entries, '},'];
}

/** ioredis itself looks the addresses of the first nodes up, and then verifies these instead of the names. */
function byName({ nodes, tls }: Reach): string[] {
  const isNeeded = tls !== undefined && nodes.some(({ host }) => isIP(host) === 0);
  return isNeeded ? ['dnsLookup: (address, callback) => callback(null, address),'] : [];
}

function placeObject({ host, port }: Place): string {
  return `{ host: ${inJavaScript(host)}, port: ${port} }`;
}

function readPassword({ passwordFile }: Reach): string {
  if (passwordFile === undefined) return 'process.env.REDIS_PASSWORD';
  return String.raw`readFileSync(${inJavaScript(passwordFile)}, 'utf8').replace(/\r?\n$/, '')`;
}

/** As node:tls takes them. */
function tlsFiles({ ca, client }: TrustFiles): string[] {
  const read = (name: string, file: string): string => `  ${name}: readFileSync(${inJavaScript(file)}),`;
  return [read('ca', ca), ...(client === undefined ? [] : [read('cert', client.certificate), read('key', client.key)])];
}
