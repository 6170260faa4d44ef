import { inJava } from './source.ts';
import { addressOf, isMapped, type Place, type Reach } from './reach.ts';

/** What Jedis and Lettuce write alike; `make` makes a HostAndPort. */
export function addressMap(reach: Reach, make: (place: Place) => string): string[] {
  if (!isMapped(reach)) return [];
  const entries = reach.map.map(({ announced, found }) => `Map.entry(${inJava(addressOf(announced))}, ${make(found)})`);
  return [
    '// What the nodes announce, and where this host finds them.',
    'Map<String, HostAndPort> addresses = Map.ofEntries(',
    ...commas(entries).map((entry, index) => `    ${entry}${index === entries.length - 1 ? ');' : ''}`),
  ];
}

/** Java takes no comma after the last one. */
export function commas(texts: readonly string[]): string[] {
  return texts.map((text, index) => (index === texts.length - 1 ? text : `${text},`));
}

export function readPassword({ passwordFile }: Reach): string {
  if (passwordFile === undefined) return 'System.getenv("REDIS_PASSWORD")';
  return String.raw`Files.readString(Path.of(${inJava(passwordFile)})).replaceFirst("\\R$", "")`;
}

/** Java, and netty, read private keys only in the form of PKCS#8. The program's own are. */
export function keyNote({ tls }: Reach): string {
  return tls?.client === undefined ? '' : ' The key file has to say BEGIN PRIVATE KEY.';
}
