import { inJava } from './source.ts';
import { addressOf, type Place, type Reach } from './reach.ts';

/** What Jedis and Lettuce write alike; `make` makes a HostAndPort. */
export function entriesOfMap({ map }: Reach, make: (place: Place) => string): string[] {
  return commas(map.map(({ announced, found }) => `Map.entry(${inJava(addressOf(announced))}, ${make(found)})`));
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
