import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { buildPage } from '../../../../src/api/http/build-page.ts';

test('the page is built from its sources, is small, and needs nothing from elsewhere', async () => {
  const page = await buildPage(process.cwd());
  expect(gzipSync(page.script + page.style).length).toBeLessThan(25_000);
  expect(page.html).toContain(`content="${page.build}"`);
  expect(page.html).not.toMatch(/<style|<script(?! type="module" src="\/page\/)| style=| on\w+=/);
  const addresses = `${page.html}${page.script}${page.style}`.match(/\bhttps?:\/\/[^"'`\s)]+/g) ?? [];
  // Names of formats, which nobody fetches.
  expect(addresses.filter((address) => !address.startsWith('http://www.w3.org/'))).toEqual([]);
});

test('the same sources give the same page', async () => {
  expect(await buildPage(process.cwd())).toEqual(await buildPage(process.cwd()));
});
