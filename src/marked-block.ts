/** Lines of this program's own in a file of somebody else's, between two marks. */
export interface Marks {
  readonly first: string;
  readonly last: string;
}

/** @param title lower case letters, digits, spaces and hyphens */
export function marksOf(title: string): Marks {
  return { first: `# >>> ${title} >>>`, last: `# <<< ${title} <<<` };
}

/**
 * The text with `content` in the marked block, which is put at the end where there is none; without content, the text without
 * the block. All other lines stay as they are. undefined where the marks are not one pair: what between them is ours can't be told.
 */
export function withBlock(text: string, { first, last }: Marks, content: string | undefined): string | undefined {
  const block = content === undefined ? '' : `${first}\n${content}\n${last}\n`;
  const found = [...text.matchAll(new RegExp(`^(?:${first}|${last})[^\\S\\n]*(?:\\n|$)`, 'gm'))];
  const [begin, end, ...more] = found;
  if (begin === undefined)
    return content === undefined ? text : `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block}`;
  if (end === undefined || more.length > 0 || !begin[0].startsWith(first) || !end[0].startsWith(last)) return undefined;
  return `${text.slice(0, begin.index)}${block}${text.slice(end.index + end[0].length)}`;
}
