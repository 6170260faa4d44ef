import { isAlias, isMap, isNode, isScalar, isSeq, visit, type Document, type Pair } from 'yaml';
import type { Path } from './schema.ts';

export function hasMoreAliases(document: Document, most: number): boolean {
  let count = 0;
  visit(document, {
    Alias: () => {
      count += 1;
      return count > most ? visit.BREAK : undefined;
    },
  });
  return count > most;
}

/** Where the first key begins that is a map, a list or an alias. */
export function findUnfitKey(document: Document): number | undefined {
  return findKey(document, ({ key }) => key !== null && !isScalar(key));
}

/** Where a merge key begins whose value has no keys. */
export function findUnmergeable(document: Document): number | undefined {
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  return findKey(document, ({ key, value }) => {
    if (!isScalar(key) || String(key.source) !== '<<') return false;
    const given = resolved(value);
    return !(isSeq(given) ? given.items.map(resolved) : [given]).every(isMap);
  });
}

/** Where the key of the first such pair begins. */
function findKey(document: Document, isMeant: (pair: Pair) => boolean): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair: (_key, pair) => {
      if (!isMeant(pair)) return undefined;
      offset = rangeStart(pair.key);
      return visit.BREAK;
    },
  });
  return offset;
}

/** Where a key begins that its map has already. The library compares each with each, and takes long for very many. */
export function repeatedKeys(document: Document): number[] {
  const offsets: number[] = [];
  visit(document, {
    Map: (_key, { items }) => {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        const text = String(key.value);
        if (seen.has(text)) offsets.push(rangeStart(key));
        seen.add(text);
      }
    },
  });
  return offsets;
}

/** Where the key at `path` begins; for a key that is missing, where the map begins that should hold it. */
export function offsetOf(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = rangeStart(node);
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) break;
      offset = rangeStart(pair.key);
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(step)];
      offset = rangeStart(node) || offset;
    } else break;
  }
  return offset;
}

function rangeStart(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}
