import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { parseBlock, toAddress, toNumber } from '../../spec/addresses.ts';
import { parseSpec } from '../../spec/parse.ts';
import type { LoadedStack } from '../session/load.ts';

/** What a new stack shall be like; what nobody said follows from the folder. */
export interface NewStack {
  readonly name: string | undefined;
  readonly primaries: number;
  /** Of each primary. */
  readonly replicas: number;
  /** The first of the host's ports, two a node. */
  readonly firstPort: number;
  readonly subnet: string | undefined;
}

/** The schema in the package, from the folder in which that is installed. */
const SCHEMA = 'node_modules/redis-cluster-as-code/dist/schema.json';

/**
 * Writes the YAML file of a new stack.
 *
 * @throws StackError USAGE where what is wanted makes no stack, or the file is there or can't be written
 */
export async function init(file: string, wanted: NewStack): Promise<Pick<LoadedStack, 'spec' | 'path'>> {
  const path = resolve(file);
  const text = stackText(dirname(path), wanted);
  const result = parseSpec(text);
  if ('problems' in result) {
    throw new StackError('USAGE', {
      message: `these options make no stack; ${file} was not written`,
      details: result.problems.map((problem) => `${problem.message} (${problem.hint ?? 'choose another value'})`),
      hint: run('init --help'),
    });
  }
  try {
    await writeFile(path, text, { flag: 'wx' });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') {
      throw new StackError('USAGE', {
        message: `${file} exists already and is not overwritten`,
        hint: hint`Edit it, then: ${run('up')}`,
      });
    }
    throw new StackError('USAGE', { message: `${file} can't be written: ${errorMessage(error)}`, cause: error });
  }
  return { spec: result.spec, path };
}

function stackText(folder: string, { primaries, replicas, firstPort, ...wanted }: NewStack): string {
  const name = wanted.name ?? nameOf(folder);
  const subnet = wanted.subnet ?? subnetOf(name);
  const count = primaries * (1 + replicas);
  const firstIp = toNumber(parseBlock(subnet)?.firstHost ?? '0.0.0.0') + 1;
  const nodes = Array.from({ length: count }, (_, index) => {
    const ports = `{ plain: ${firstPort + index}, tls: ${firstPort + count + index} }`;
    return `    redis-${index + 1}: { ip: ${toAddress(firstIp + index)}, ports: ${ports} }\n`;
  });
  return `${schemaLine(folder)}name: ${name} # prefix of all that is made: ${name}-redis-1, volume ${name}-redis-1-data

network:
  name: ${name}-redis
  subnet: ${subnet} # no other network of the engine, and no route of this machine

redis:
  image: redis:7-alpine
  replicas: ${replicas} # per primary
  nodes: # primaries first; the ports are the host's, on 127.0.0.1
${nodes.join('')}`;
}

/** For editors, which need no network for it. */
function schemaLine(folder: string): string {
  for (let above = folder; ; above = dirname(above)) {
    const path = relative(folder, join(above, SCHEMA)).replaceAll('\\', '/');
    if (existsSync(join(above, SCHEMA))) {
      return `# yaml-language-server: $schema=${path.startsWith('.') ? path : `./${path}`}\n`;
    }
    if (above === dirname(above)) return '';
  }
}

/** The folder's name, as far as it can be a stack's. */
function nameOf(folder: string): string {
  const letters = basename(folder).normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const name = letters.replaceAll(/[^a-z0-9]+/g, '-').replace(/^[^a-z]+/, '');
  return name.slice(0, 31).replace(/-$/, '') || 'redis';
}

/** Another one for each name: stacks of several projects run side by side. Away from where the engine takes its own. */
function subnetOf(name: string): string {
  const [second = 0, third = 0] = createHash('sha256').update(name).digest();
  return `10.${second}.${third}.0/24`;
}
