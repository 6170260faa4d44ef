import { entriesOfMap, importOfFiles, placeObject, readPassword, tlsFiles } from './javascript.ts';
import type { Library, Reach } from './reach.ts';
import { source } from './source.ts';

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
    ${tls(reach)}
  },
});
cluster.on('error', (error) => console.error(error));

await cluster.connect();
await cluster.set('hello:node-redis', 'world');
console.log(await cluster.get('hello:node-redis'));
await cluster.close();
`,
};

function tls(reach: Reach): string[] {
  if (reach.tls === undefined) return [];
  return ['socket: {', '  tls: true,', ...tlsFiles(reach).map((line) => `  ${line}`), '},'];
}
