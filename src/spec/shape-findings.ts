import * as z from 'zod';
import { checkDocument } from './rules.ts';
import { specSchema, type Finding, type Path } from './schema.ts';

type Issue = z.core.$ZodIssue;

/**
 * Every problem of a document that is not of the schema's shape: its own, and what the rules find in the rest of it.
 *
 * @param value is taken apart on the way
 */
export function findShapeProblems(value: unknown, issues: readonly Issue[]): Finding[] {
  return [...issues.flatMap((issue) => toFindings(issue, value)), ...checkRest(value, issues)];
}

function toFindings(issue: Issue, value: unknown): Finding[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path, value);
    const hint = known.length === 0 ? undefined : `known here: ${known.join(', ')}`;
    return issue.keys.map((key) => ({
      path: [...issue.path, key],
      message: 'unknown key',
      ...(hint === undefined ? {} : { hint }),
    }));
  }
  if (issue.code === 'invalid_key')
    return issue.issues.map(({ message }) => ({ path: issue.path, message: `name ${message}` }));
  if (issue.code === 'invalid_union' && issue.discriminator !== undefined) {
    const kinds = ('options' in issue ? issue.options : []).filter((option) => option !== undefined && option !== null);
    return [{ path: issue.path, message: `must be one of: ${kinds.map(String).join(', ')}` }];
  }
  return [{ path: issue.path, ...messageOf(issue, valueAt(value, issue.path)) }];
}

/** What a person calls the types of YAML. */
const TYPES: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  object: 'a map',
  record: 'a map',
  array: 'a list',
  null: 'nothing',
};

function messageOf(issue: Issue, value: unknown): Pick<Finding, 'message' | 'hint'> {
  switch (issue.code) {
    case 'invalid_type': {
      const expected = TYPES[issue.expected] ?? issue.expected;
      if (value === undefined) return { message: `is missing (${expected})` };
      const type = value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
      if (issue.expected === 'boolean') return { message: 'must be true or false' };
      // The number has a fraction.
      if (issue.expected === 'int' && type === 'number') return { message: `must be ${expected}` };
      const hint = issue.expected === 'string' && ['number', 'boolean'].includes(type) ? 'put it in quotes' : undefined;
      return { message: `must be ${expected}, not ${TYPES[type] ?? type}`, ...(hint !== undefined && { hint }) };
    }
    case 'invalid_value':
      return { message: `must be one of: ${issue.values.map(String).join(', ')}` };
    case 'too_small':
      return { message: issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}` };
    case 'too_big':
      return { message: `must be at most ${issue.maximum}` };
    default:
      return { message: issue.message.replace(/^Invalid input: /, '') };
  }
}

function valueAt(document: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}

/** The keys that the schema knows at a path, for the hint under an unknown one. */
function knownKeys(path: Path, document: unknown): string[] {
  let schema: unknown = specSchema;
  let value = document;
  for (const key of path) {
    schema = kindOf(schema, value);
    if (schema instanceof z.ZodObject) schema = schema.shape[String(key)];
    else if (schema instanceof z.ZodRecord) schema = schema.valueType;
    value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  }
  schema = kindOf(schema, value);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Of a union the kind that the value is of; where it doesn't say, the first one. */
function kindOf(schema: unknown, value: unknown): unknown {
  const bare = unwrapped(schema);
  if (!(bare instanceof z.ZodDiscriminatedUnion)) return bare;
  const { discriminator } = bare.def;
  const kind: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, discriminator) : undefined;
  const [first] = bare.options;
  return (
    bare.options.find(
      (option) =>
        option instanceof z.ZodObject &&
        option.shape[discriminator] instanceof z.ZodType &&
        option.shape[discriminator].safeParse(kind).success,
    ) ?? first
  );
}

function unwrapped(schema: unknown): unknown {
  return schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.unwrap() : schema;
}

/**
 * What the rules find in a document that is not all of the right shape: the offending parts are left out, and so are
 * findings that would only follow from that.
 */
function checkRest(value: unknown, issues: readonly Issue[]): Finding[] {
  const paths = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...issue.path, key]) : [issue.path],
  );
  for (const path of paths) removeAt(value, removablePart(path));
  const rest = specSchema.safeParse(value);
  if (!rest.success) return [];
  const isUncertain = ({ path }: Finding): boolean =>
    paths.some(
      (broken) =>
        (samePath(path, ['redis', 'nodes']) && (isUnder(broken, path) || samePath(broken, ['redis', 'replicas']))) ||
        (samePath(path, ['redis', 'maxmemory']) && samePath(broken, ['redis', 'memory'])) ||
        (samePath(path, ['tls', 'issuer']) && broken[0] === 'secrets'),
    );
  return checkDocument(rest.data).filter((finding) => !isUncertain(finding));
}

/** A node goes as a whole, and so does what has its own shape for each of its kinds. */
function removablePart(path: Path): Path {
  const nodeDepth = ['redis', 'nodes', 'name'].length;
  if (isUnder(path, ['redis', 'nodes'])) return path.slice(0, nodeDepth);
  return isUnder(path, ['secrets']) || isUnder(path, ['tls']) ? path.slice(0, 1) : path;
}

function removeAt(value: unknown, path: Path): void {
  const [key, ...rest] = path;
  if (key === undefined || typeof value !== 'object' || value === null) return;
  if (rest.length === 0) Reflect.deleteProperty(value, key);
  else removeAt(Reflect.get(value, key), rest);
}

function isUnder(path: Path, parent: Path): boolean {
  return path.length > parent.length && samePath(path.slice(0, parent.length), parent);
}

export function samePath(one: Path, other: Path): boolean {
  return one.join('.') === other.join('.');
}
