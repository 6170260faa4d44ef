import { inJavaScript } from './literals.ts';
import { addressOf, type Place, type Reach } from './reach.ts';

/** What ioredis and node-redis write alike. */
export function importOfFiles({ tls, passwordFile }: Reach): string[] {
  return tls === undefined && passwordFile === undefined ? [] : ["import { readFileSync } from 'node:fs';"];
}

export function entriesOfMap({ map }: Reach): string[] {
  return map.map(({ announced, found }) => `${inJavaScript(addressOf(announced))}: ${placeObject(found)},`);
}

export function placeObject({ host, port }: Place): string {
  return `{ host: ${inJavaScript(host)}, port: ${port} }`;
}

export function readPassword({ passwordFile }: Reach): string {
  if (passwordFile === undefined) return 'process.env.REDIS_PASSWORD';
  return String.raw`readFileSync(${inJavaScript(passwordFile)}, 'utf8').replace(/\r?\n$/, '')`;
}

/** As node:tls takes them. */
export function tlsFiles({ tls }: Reach): string[] {
  if (tls === undefined) return [];
  const read = (name: string, file: string): string => `${name}: readFileSync(${inJavaScript(file)}),`;
  const { ca, client } = tls;
  return [read('ca', ca), ...(client === undefined ? [] : [read('cert', client.certificate), read('key', client.key)])];
}
