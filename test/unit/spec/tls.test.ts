import { describe, expect, test } from 'vitest';
import { parseSpec } from '../../../src/spec/parse.ts';
import { openPorts, peerKind } from '../../../src/spec/ports.ts';
import type { TlsSpec } from '../../../src/spec/spec.ts';
import { problemsOf, specOf, STACK_TEXT } from '../../helpers/builders.ts';

const VAULT = 'secrets: { provider: vault, path: team/redis }\n';

function tlsOf(yaml: string): TlsSpec {
  const result = parseSpec(STACK_TEXT + yaml);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.spec.tls;
}

/** `tls` begins in line 10, each of `lines` in the next. */
function problemsOfTls(...lines: readonly string[]): string {
  return problemsOf(`${STACK_TEXT}tls:\n${lines.map((line) => `  ${line}\n`).join('')}`);
}

const FILES = ['issuer: files', 'ca: ca.crt', 'certificate: "{node}.crt"', 'key: "{node}.key"'];

describe('what follows from the tls section', () => {
  test.each(['', 'tls: {}\n', 'tls: { issuer: private }\n'])('without a word: %j', (yaml) => {
    expect(tlsOf(yaml)).toEqual({
      enabled: true,
      isOpen: true,
      plain: true,
      cluster: true,
      isBusOpen: true,
      isPlainBusRefused: false,
      clientAuth: 'no',
      issuer: { kind: 'private', validityDays: 90 },
    });
  });

  test.each([
    ['{ enabled: true }', { enabled: true, isOpen: false, cluster: true, isBusOpen: true }],
    ['{ enabled: false }', { enabled: false, isOpen: false, cluster: false }],
    // An encrypted bus can't be without TLS: nobody else has a say in it then.
    ['{ cluster: true }', { enabled: true, isOpen: false, cluster: true, isBusOpen: false, plain: true }],
    ['{ plain: false }', { enabled: true, isOpen: false, cluster: true, isBusOpen: false, plain: false }],
    ['{ cluster: false }', { enabled: true, isOpen: true, cluster: false, isBusOpen: false, plain: true }],
  ])('with %s', (yaml, wanted) => {
    expect(tlsOf(`tls: ${yaml}\n`)).toMatchObject(wanted);
  });

  test.each([
    ['redis:6.2-alpine', false],
    ['redis:6', false],
    ['registry.example:5000/team/redis:6.2.14@sha256:0123', false],
    ['redis:7-alpine', true],
    ['redis:8.6', true],
    ['registry.example:6000/redis', true],
    ['valkey/valkey:9', true],
  ])('the bus of %s can be encrypted on its own port: %j', (image, cluster) => {
    expect(specOf({ redis: { image } }).tls).toMatchObject({ cluster, isBusOpen: true });
  });

  test.each(['no', 'optional', 'yes'])('clientAuth: %s is a word, as YAML 1.2 has it', (word) => {
    expect(tlsOf(`tls: { clientAuth: ${word} }\n`).clientAuth).toBe(word);
  });

  test('certificates of the stack’s own authority may live longer or shorter', () => {
    expect(tlsOf('tls: { validityDays: 7 }\n').issuer).toEqual({ kind: 'private', validityDays: 7 });
  });

  test('certificates of Vault live as long as its role says, if nothing else is said', () => {
    expect(tlsOf(`${VAULT}tls: { issuer: vault, role: redis }\n`).issuer).toEqual({
      kind: 'vault',
      mount: 'pki',
      role: 'redis',
      validityDays: undefined,
    });
    expect(tlsOf(`${VAULT}tls: { issuer: vault, role: redis, mount: team/pki, validityDays: 7 }\n`).issuer).toEqual({
      kind: 'vault',
      mount: 'team/pki',
      role: 'redis',
      validityDays: 7,
    });
  });

  test('certificates may be files, and this program’s own too', () => {
    const files = 'issuer: files, ca: ca.crt, certificate: "{node}.crt", key: "{node}.key"';
    const issuer = { kind: 'files', ca: 'ca.crt', certificate: '{node}.crt', key: '{node}.key', client: undefined };
    expect(tlsOf(`tls: { ${files} }\n`).issuer).toEqual(issuer);
    expect(tlsOf(`tls: { ${files}, clientCertificate: me.crt, clientKey: me.key }\n`).issuer).toEqual({
      ...issuer,
      client: { certificate: 'me.crt', key: 'me.key' },
    });
  });

  test.each([
    [{}, ['plain', 'tls', 'bus'], 'tls'],
    [{ cluster: false }, ['plain', 'tls', 'bus'], 'plain'],
    [{ enabled: false }, ['plain', 'bus'], 'plain'],
    [{ cluster: true }, ['plain', 'tls', 'bus'], 'tls'],
    [{ plain: false }, ['tls', 'bus'], 'tls'],
  ])('with %j a node listens on %j, and the nodes name %s', (tls, kinds, kind) => {
    const spec = specOf({ tls });
    expect(openPorts(spec)).toEqual(kinds);
    expect(peerKind(spec)).toBe(kind);
  });
});

describe('values that tls does not take', () => {
  test('an issuer that nobody knows', () => {
    expect(problemsOfTls('issuer: acme')).toBe('11:3 tls.issuer: must be one of: private, vault, files');
  });

  test('true and false in place of the words of clientAuth', () => {
    for (const value of ['true', 'false', 'maybe']) {
      expect(problemsOfTls(`clientAuth: ${value}`)).toBe('11:3 tls.clientAuth: must be one of: no, optional, yes');
    }
  });

  test.each(['enabled', 'plain', 'cluster'])('%s: yes, which is a word and no boolean', (key) => {
    expect(problemsOfTls(`${key}: yes`)).toBe(`11:3 tls.${key}: must be true or false`);
  });

  test.each(['0', '3651', '1.5'])('a certificate that is valid for %s days', (days) => {
    expect(problemsOfTls(`validityDays: ${days}`)).toMatch(/^11:3 tls\.validityDays: /);
  });

  test('each issuer without what it needs', () => {
    expect(problemsOfTls('issuer: vault')).toBe('10:1 tls.role: is missing (text)');
    expect(problemsOfTls('issuer: files').split('\n')).toEqual(
      ['ca', 'certificate', 'key'].map((key) => `10:1 tls.${key}: is missing (text)`),
    );
  });

  test('keys of another issuer', () => {
    expect(problemsOfTls('role: redis')).toMatch(/^11:3 tls\.role: unknown key/);
    expect(problemsOfTls(...FILES, 'validityDays: 90')).toMatch(/^15:3 tls\.validityDays: unknown key/);
  });

  test('unknown keys name the known ones', () => {
    const problems = problemsOfTls('enable: true', 'port: 6380');
    expect(problems).toMatch(
      /^11:3 tls\.enable: unknown key \(known here: .*\n12:3 tls\.port: unknown key \(known here:/,
    );
    for (const known of ['issuer', 'enabled', 'plain', 'clientAuth', 'cluster', 'validityDays'])
      expect(problems).toContain(known);
  });
});

describe('values of tls that do not go together', () => {
  test('with TLS off, all that needs it', () => {
    expect(problemsOfTls('enabled: false', 'plain: false', 'clientAuth: yes', 'cluster: true')).toMatchInlineSnapshot(`
      "12:3 tls.plain: with TLS off and the plain port closed, nothing would listen (remove one of the two)
      14:3 tls.cluster: the bus can only be encrypted where TLS is on (remove tls.enabled: false)
      13:3 tls.clientAuth: a client can only be asked for a certificate where TLS is on (remove tls.enabled: false)"
    `);
  });

  test('TLS off, and clients that may show a certificate', () => {
    expect(problemsOfTls('enabled: false', 'clientAuth: optional')).toMatch(/^12:3 tls\.clientAuth: /);
    expect(problemsOfTls('enabled: false', 'clientAuth: no')).toBe('no problem');
    expect(problemsOfTls('enabled: false', 'cluster: false')).toBe('no problem');
  });

  test('no plain port, and replication that needs it', () => {
    expect(problemsOfTls('plain: false', 'cluster: false')).toMatchInlineSnapshot(
      `"12:3 tls.cluster: replication needs the plain port that tls.plain: false closes (remove tls.cluster: the bus is encrypted then, too)"`,
    );
    expect(problemsOfTls('plain: false', 'cluster: true')).toBe('no problem');
  });

  test('certificates of a Vault that nobody named', () => {
    expect(problemsOfTls('role: redis', 'issuer: vault')).toMatchInlineSnapshot(
      `"12:3 tls.issuer: the certificates are to come from Vault, and secrets names none (set secrets.provider: vault, with its address)"`,
    );
    expect(problemsOf(`${STACK_TEXT}${VAULT}tls: { issuer: vault, role: redis }\n`)).toBe('no problem');
  });

  test('half a certificate of this program’s own', () => {
    expect(problemsOfTls(...FILES, 'clientCertificate: me.crt')).toMatchInlineSnapshot(
      `"15:3 tls.clientCertificate: clientCertificate and clientKey go together (give both, or none)"`,
    );
    expect(problemsOfTls(...FILES, 'clientKey: me.key')).toMatch(/^15:3 tls\.clientKey: /);
  });

  test('nodes that want to see a certificate, and none to show to them', () => {
    const strict = [...FILES, 'clientAuth: yes', 'plain: false'];
    expect(problemsOfTls(...strict)).toMatchInlineSnapshot(
      `"15:3 tls.clientAuth: this program has no certificate to show to the nodes (give tls.clientCertificate and tls.clientKey)"`,
    );
    expect(problemsOfTls(...strict, 'clientCertificate: me.crt', 'clientKey: me.key')).toBe('no problem');
    // The plain port asks for none.
    expect(problemsOfTls(...FILES, 'clientAuth: yes')).toBe('no problem');
    // The stack's own authority makes one.
    expect(problemsOfTls('clientAuth: yes', 'plain: false')).toBe('no problem');
  });
});
