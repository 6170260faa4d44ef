import { entriesOfMap, importOfFiles, placeObject, readPassword, tlsFiles } from './javascript.ts';
import type { Library, Reach } from './reach.ts';
import { source } from './source.ts';

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
      ${tls(reach)}
    },
  },
);

await cluster.set('hello:ioredis', 'world');
console.log(await cluster.get('hello:ioredis'));
await cluster.quit();
`,
};

function tls(reach: Reach): string[] {
  return reach.tls === undefined ? [] : ['tls: {', ...tlsFiles(reach).map((line) => `  ${line}`), '},'];
}
