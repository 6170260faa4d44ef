import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { TOUCHES } from '../../src/stack/execute/execution.ts';

const DOCUMENTS = [
  'README.md',
  'CHANGELOG.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

/** A heading's anchor, as GitHub makes it. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
    .replaceAll(' ', '-');

function anchorsIn(file: string): string[] {
  return [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));
}

describe.each(DOCUMENTS)('%s', (document) => {
  const text = readFileSync(document, 'utf8');

  test('each path of the checkout that it names exists', () => {
    const paths = text.match(/(?<![\w./-])(?:src|test|scripts|docs|infra)\/[\w./-]*[\w/]/g) ?? [];
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  });

  test('each relative link leads somewhere', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const broken = links.filter((link) => {
      if (/^[a-z]+:/.test(link)) return false;
      const [path = '', anchor] = link.split('#');
      const file = path === '' ? document : join(dirname(document), path);
      return !existsSync(file) || (anchor !== undefined && !anchorsIn(file).includes(anchor));
    });
    expect(broken).toEqual([]);
  });

  test('it is linked from the README', () => {
    expect(document === 'README.md' || readFileSync('README.md', 'utf8').includes(`](${document})`)).toBe(true);
  });
});

test('docs/operations.md has every type of action that `plan --json` may print', () => {
  const text = readFileSync('docs/operations.md', 'utf8');
  expect(Object.keys(TOUCHES).filter((type) => !text.includes(`\`${type}\``))).toEqual([]);
});
