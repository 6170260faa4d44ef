/** Writes infra/dev-services.schema.json from the zod schema; with --check, fails when the file is not what it would write. */
import { readFileSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { specSchema } from '../src/spec/schema.ts';

const FILE = 'infra/dev-services.schema.json';

// `input`: what a person writes, before defaults are filled in. Draft 7 is what editors' YAML servers read.
const schema = z.toJSONSchema(specSchema, { io: 'input', target: 'draft-07' });
const text = `${JSON.stringify(schema, null, 2)}\n`;
if (!process.argv.includes('--check')) {
  writeFileSync(FILE, text);
} else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`✗ ${FILE} is stale\n  → npm run schema`);
  process.exitCode = 1;
}
