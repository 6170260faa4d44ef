import { describe, expect, test } from 'vitest';
import { engineFailure, hasStatus } from '../../../src/engine/docker-calls.ts';
import { StackError } from '../../../src/errors.ts';
import { asTold } from '../../helpers/hint-text.ts';

const endpoint = { address: 'unix:///var/run/docker.sock', source: 'default socket', publishedHost: '127.0.0.1' };

/** An error as dockerode throws it for the engine's answer. */
function answer(statusCode: number, message: string): Error {
  const text = `(HTTP code ${statusCode}) server error - ${message} `;
  return Object.assign(new Error(text), { statusCode, reason: 'server error', json: { message } });
}

function failure(message: string): StackError {
  return engineFailure(answer(500, message), 'start container dev-redis-1', endpoint);
}

describe('what the engine says', () => {
  test.each([
    'driver failed programming external connectivity on endpoint dev-redis-1 (ab12): Bind for 127.0.0.1:6379 failed: port is already allocated',
    'driver failed programming external connectivity on endpoint dev-redis-1 (ab12): Error starting userland proxy: listen tcp4 127.0.0.1:6379: bind: address already in use',
    'failed to set up container networking: driver failed programming external connectivity on endpoint dev-redis-1 (ab12): failed to bind host port for 127.0.0.1:6379:172.20.0.13:6379/tcp: address already in use',
    'Ports are not available: exposing port TCP 127.0.0.1:6379 -> 127.0.0.1:0: listen tcp 127.0.0.1:6379: bind: address already in use',
    'rootlessport listen tcp 127.0.0.1:6379: bind: address already in use',
    'cannot listen on the TCP port: listen tcp4 127.0.0.1:6379: bind: address already in use',
  ])('a taken host port: %s', (message) => {
    expect(failure(message)).toMatchObject({ code: 'PORT_TAKEN', hint: expect.stringContaining('ports') });
  });

  test.each([
    'Pool overlaps with other one on this address space',
    'invalid pool request: Pool overlaps with other one on this address space',
    'cannot create network ab12 (br-ab12): conflicts with network cd34 (br-cd34): networks have overlapping IPv4',
    'subnet 172.20.0.0/16 is already used on the host or by another config',
    'subnet 172.20.0.0/16 is already being used by a network configuration',
  ])('a subnet that overlaps another: %s', (message) => {
    expect(failure(message)).toMatchObject({ code: 'SUBNET_OVERLAP', hint: expect.stringContaining('network.subnet') });
  });

  test('a container that the engine was killed while it started', () => {
    for (const message of [`task ${'0a'.repeat(32)}: already exists: unknown`, 'id already in use'])
      expect(failure(message)).toMatchObject({ code: 'CONTAINER_STUCK', isPassing: false });
  });

  test.each([
    'Address already in use',
    'failed to set up container networking: Address already in use',
    'requested ip address 172.20.0.13 is already allocated to container ab12',
    `IPAM error: requested ip address 10.78.1.11 is already allocated to container ID ${'0a'.repeat(32)}`,
  ])('a taken address: %s', (message) => {
    expect(failure(message)).toMatchObject({ code: 'ADDRESS_TAKEN', hint: expect.stringContaining('ip') });
  });

  test('a container that does not get onto the network of a swarm', () => {
    const message =
      'attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded';
    expect(failure(message)).toMatchObject({ code: 'ATTACH_FAILED', isPassing: true });
  });

  test.each([
    'Conflict. The container name "/dev-redis-1" is already in use by container "ab12". You have to remove (or rename) that container to be able to reuse that name.',
    'network with name dev-services already exists',
    'No such container: dev-redis-1',
    'network dev-services not found',
    'error while removing network: network dev-services id ab12 has active endpoints',
    'rpc error: code = FailedPrecondition desc = network ab12 is in use by task cd34',
    'removal of container dev-redis-1 is already in progress',
    'container is marked for removal and cannot be started',
    'remove dev-redis-1-data: volume is in use - [ab12]',
    `container create: creating container storage: the container name "dev-redis-1" is already in use by ${'0a'.repeat(32)}. You have to remove that container to be able to reuse that name: that name is already in use`,
    'network name dev-services already used: network already exists',
    'network not found',
    'container create: unable to find network with name or ID dev-services: network not found',
    '"dev-services" has associated containers with it. Use -f to forcibly delete containers and pods: network is being used',
    'volume dev-redis-1-data is being used by the following container(s): ab12: volume is being used',
    'container ab12 is already connected to network dev-services: network is already connected',
    'no container with name or ID "dev-redis-1" found: no such container',
    'no volume with name "dev-redis-1-data" found: no such volume',
  ])('something that is not as it was observed: %s', (message) => {
    expect(failure(message)).toMatchObject({ code: 'CHANGED_MEANWHILE' });
  });

  test.each([
    'No such image: redis:7-alpine',
    'no such image: docker.io/library/redis:7-alpine: image not known',
    'manifest for redis:99 not found: manifest unknown: manifest unknown',
    "pull access denied for nobody, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 127.0.0.53:53: no such host',
    'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 10.0.0.1:53: server misbehaving',
    'Get "https://registry.example/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    'failed to resolve reference "registry.example/library/redis:99": registry.example/library/redis:99: not found',
    'Get "https://registry.example/v2/": dial tcp 10.1.1.1:443: connect: network is unreachable',
  ])('an image that cannot be had: %s', (message) => {
    expect(asTold(failure(message))).toMatchObject({
      code: 'IMAGE_UNAVAILABLE',
      hint: expect.stringContaining('image build'),
    });
  });

  test('anything else keeps the engine’s sentence, and says what could not be done', () => {
    const cause = answer(500, 'the disk is full');
    expect(engineFailure(cause, 'start container dev-redis-1', endpoint)).toMatchObject({
      code: 'ENGINE_FAILED',
      message: 'could not start container dev-redis-1: the disk is full',
      cause,
    });
  });

  test('the sentence is freed of dockerode’s words even where the answer was no JSON', () => {
    const error = Object.assign(new Error('(HTTP code 502) bad gateway - upstream - gone '), { statusCode: 502 });
    expect(engineFailure(error, 'list containers', endpoint).message).toBe(
      'could not list containers: upstream - gone',
    );
  });
});

describe('an engine that does not answer', () => {
  test.each(['ECONNREFUSED', 'ENOENT', 'EACCES', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND'])('%s', (code) => {
    const cause = Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code });
    expect(engineFailure(cause, 'list networks', endpoint)).toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: `the container engine at unix:///var/run/docker.sock (default socket) does not answer: could not list networks (${code})`,
      cause,
    });
  });
});

test.each([
  [
    'ssh://me@b.example',
    'ESSH',
    'ssh: Permission denied (publickey).',
    /^docker -H ssh:\/\/me@b\.example version {3}# until/,
  ],
  [
    'tcp://c.example:2376',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'TLS: self-signed certificate in certificate chain',
    /^DOCKER_CERT_PATH=FOLDER docker --tlsverify -H tcp:\/\/c\.example:2376 version/,
  ],
])('an engine that is not to be reached so: %s', (address, code, why, command) => {
  const error = Object.assign(new Error(why.replace('TLS: ', '')), { code });
  const told = engineFailure(error, 'list networks', { ...endpoint, address });
  expect(told).toMatchObject({ code: 'ENGINE_UNREACHABLE', message: expect.stringContaining(`(${why})`) });
  expect(told.hint).toMatch(command);
});

test('a failure that is already told is not told again', () => {
  const told = new StackError('PORT_TAKEN', { message: 'x' });
  expect(engineFailure(told, 'y', endpoint)).toBe(told);
});

test('something that is no error at all is still a failure', () => {
  expect(engineFailure('gone', 'list networks', endpoint)).toMatchObject({
    code: 'ENGINE_FAILED',
    message: 'could not list networks: gone',
  });
});

test('hasStatus looks at the HTTP status of the answer', () => {
  expect(hasStatus(answer(404, 'x'), 404)).toBe(true);
  expect(hasStatus(answer(409, 'x'), 404)).toBe(false);
  expect(hasStatus(new Error('x'), 404)).toBe(false);
  expect(hasStatus(undefined, 404)).toBe(false);
});
