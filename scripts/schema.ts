/** Writes the JSON Schemas in infra/ from the zod schemas; with --check, fails where a file is not what it would write. */
import { readFileSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import { JSON_OUTPUTS } from '../src/cli/views/json.ts';
import { specSchema } from '../src/spec/schema.ts';

const schemas: [file: string, schema: object][] = [
  // `input`: what a person writes, before defaults are filled in. Draft 7 is what editors' YAML servers read.
  ['infra/dev-services.schema.json', z.toJSONSchema(specSchema, { io: 'input', target: 'draft-07' })],
];
for (const [name, schema] of Object.entries(JSON_OUTPUTS)) {
  schemas.push([`infra/json/${name}.schema.json`, z.toJSONSchema(schema, { target: 'draft-07' })]);
}

for (const [file, schema] of schemas) {
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    console.error(`✗ ${file} is stale\n  → npm run schema`);
    process.exitCode = 1;
  }
}
