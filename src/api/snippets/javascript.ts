import type { TrustFiles } from '../../stack/connect/trust.ts';
import { addressOf, type Library, type Place, type Reach } from './reach.ts';
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
    // What the nodes announce, and where this host finds them.
    natMap: {
      ${entriesOfMap(reach)}
    },
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
  // What the nodes announce, and where this host finds them.
  nodeAddressMap: {
    ${entriesOfMap(reach)}
  },
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

function entriesOfMap({ map }: Reach): string[] {
  return map.map(({ announced, found }) => `${inJavaScript(addressOf(announced))}: ${placeObject(found)},`);
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
