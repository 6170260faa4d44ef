import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';

const schemaOf = (name: string): object => JSON.parse(readFileSync(`infra/json/${name}.schema.json`, 'utf8')) as object;

const ajv = new Ajv();
const schemas = { up: ajv.compile(schemaOf('up')), error: ajv.compile(schemaOf('error')) };

/** Fails where a command line with --json has printed what its schema doesn't describe. */
export function requireDescribed(argv: readonly string[], stdout: string): void {
  const isError = stdout.startsWith('{\n  "error": {');
  if (!argv.includes('--json') || !stdout.startsWith('{') || (argv[0] !== 'up' && !isError)) return;
  const name = isError ? 'error' : 'up';
  if (schemas[name](JSON.parse(stdout))) return;
  throw new Error(
    `${argv.join(' ')} printed what is not in ${name}.schema.json: ${ajv.errorsText(schemas[name].errors)}\n${stdout}`,
  );
}
