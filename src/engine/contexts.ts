import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, StackError, systemErrorCode } from '../errors.ts';
import { homeFolder } from '../user-folders.ts';

export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** `default` means the local socket, as for the docker command line; it is answered with undefined. */
export function currentContextName(env: NodeJS.ProcessEnv): { name: string; source: string } | undefined {
  const named = env['DOCKER_CONTEXT'];
  if (named) return named === 'default' ? undefined : { name: named, source: 'DOCKER_CONTEXT' };
  const path = join(dockerFolder(env), 'config.json');
  const config = readJson(path);
  const current = isRecord(config) ? config['currentContext'] : undefined;
  if (typeof current !== 'string' || current === '' || current === 'default') return undefined;
  return { name: current, source: path };
}

/**
 * The docker command line keeps a context under the SHA-256 of its name, the TLS files of its endpoint beside it.
 *
 * @throws StackError ENGINE_UNREACHABLE when there is no such context or it names no docker endpoint.
 */
export function contextEndpoint(name: string, env: NodeJS.ProcessEnv): { address: string; tls?: TlsFiles } {
  const digest = createHash('sha256').update(name).digest('hex');
  const contexts = join(dockerFolder(env), 'contexts');
  const meta = readJson(join(contexts, 'meta', digest, 'meta.json'));
  const endpoints = isRecord(meta) ? meta['Endpoints'] : undefined;
  const docker = isRecord(endpoints) ? endpoints['docker'] : undefined;
  const address = isRecord(docker) ? docker['Host'] : undefined;
  if (typeof address !== 'string' || address === '') {
    throw new StackError('ENGINE_UNREACHABLE', {
      message: `the docker context '${name}' does not exist or names no engine`,
      hint: 'docker context ls   # then: docker context use NAME, or unset DOCKER_CONTEXT',
    });
  }
  const tlsFolder = join(contexts, 'tls', digest, 'docker');
  return existsSync(tlsFolder) ? { address, tls: readTlsFiles(tlsFolder) } : { address };
}

/** @throws StackError ENGINE_UNREACHABLE when one of ca.pem, cert.pem and key.pem can't be read. */
export function readTlsFiles(folder: string): TlsFiles {
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
  try {
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') };
  } catch (error) {
    throw new StackError('ENGINE_UNREACHABLE', {
      message: `the engine's TLS files in ${folder} could not be read: ${errorMessage(error)}`,
      hint: 'The folder must hold ca.pem, cert.pem and key.pem.',
      cause: error,
    });
  }
}

export function dockerFolder(env: NodeJS.ProcessEnv): string {
  return env['DOCKER_CONFIG'] || join(homeFolder(env), '.docker');
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw new StackError('ENGINE_UNREACHABLE', {
      message: `${path} could not be read: ${errorMessage(error)}`,
      hint: 'Repair or remove the file, or name the engine with --host.',
      cause: error,
    });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
