/** TLS as its users see it: clients that verify, and certificates that are renewed while they do. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, test } from 'vitest';
import { CERTIFICATE_FILE } from '../../src/plan/node/redis-config.ts';
import type { NatMap } from '../../src/redis/prove.ts';
import type { Container } from '../../src/plan/model/resources.ts';
import { observeCertificates } from '../../src/stack/observe/certificates.ts';
import { certificateFiles } from '../../src/stack/execute/config-files.ts';
import { openPrivateAuthority } from '../../src/tls/private-ca.ts';
import { inOnePem } from '../../src/tls/kept-pair.ts';
import { lacks } from '../helpers/clients.ts';
import { useSharedStack } from '../helpers/shared-stack.ts';
import { startSteadyWriters } from '../helpers/steady-writer.ts';
import { makeStack, type TestStack } from '../helpers/test-stack.ts';

const run = promisify(execFile);
let stack: TestStack;
const stacks = useSharedStack();
afterEach(() => stacks.removeOwn(stack));

interface TlsEnvironment {
  readonly REDIS_CLUSTER_NODES?: string;
  readonly REDIS_TLS_CLUSTER_NODES: string;
  readonly REDIS_TLS_NAT_MAP: string;
  readonly REDIS_TLS_CA_FILE: string;
  readonly REDIS_TLS_CERT_FILE?: string;
  readonly REDIS_TLS_KEY_FILE?: string;
  readonly REDIS_PASSWORD: string;
}

async function environment(): Promise<TlsEnvironment> {
  return JSON.parse((await stack.must('env', '--map', '--format', 'json', '--reveal')).stdout) as TlsEnvironment;
}

const tlsPort = (node: number): number => stack.ports[node * 2 - 1] ?? 0;

/** The host's own redis-cli, as a person would call it. */
async function redisCli(node: number, ca: string, ...args: string[]): Promise<string> {
  const { REDIS_PASSWORD } = await environment();
  const { stdout } = await run('redis-cli', ['-e', '--tls', '--cacert', ca, '-p', String(tlsPort(node)), ...args], {
    env: { ...process.env, REDISCLI_AUTH: REDIS_PASSWORD },
  });
  return stdout.trim();
}

async function openssl(node: number, ca: string, ...args: string[]): Promise<string> {
  const shown = run('openssl', [
    's_client',
    '-connect',
    `127.0.0.1:${tlsPort(node)}`,
    '-verify_return_error',
    '-verify_ip',
    '127.0.0.1',
    '-CAfile',
    ca,
    ...args,
  ]);
  shown.child.stdin?.end();
  const { stdout } = await shown;
  return stdout;
}

/** Writes and reads through a cluster client that verifies the nodes. */
async function roundTrip(ca: string): Promise<string[]> {
  const { REDIS_TLS_CLUSTER_NODES, REDIS_TLS_NAT_MAP, REDIS_PASSWORD, ...files } = await environment();
  const cluster = new Cluster(REDIS_TLS_CLUSTER_NODES.split(','), {
    natMap: JSON.parse(REDIS_TLS_NAT_MAP) as NatMap,
    clusterRetryStrategy: () => null,
    slotsRefreshTimeout: 30_000,
    redisOptions: {
      password: REDIS_PASSWORD,
      tls: {
        ca: readFileSync(ca),
        ...(files.REDIS_TLS_CERT_FILE === undefined ? {} : { cert: readFileSync(files.REDIS_TLS_CERT_FILE) }),
        ...(files.REDIS_TLS_KEY_FILE === undefined ? {} : { key: readFileSync(files.REDIS_TLS_KEY_FILE) }),
      },
    },
  });
  cluster.on('error', () => undefined);
  try {
    const keys = Array.from({ length: 50 }, (_, index) => `key:${index}`);
    await Promise.all(keys.map((key) => cluster.set(key, key)));
    const values = await Promise.all(keys.map((key) => cluster.get(key)));
    return values.filter((value, index) => value !== keys[index]).map(String);
  } finally {
    cluster.disconnect();
  }
}

/** Another stack's authority. */
async function strangerCa(): Promise<string> {
  const folder = join(stack.folder, 'stranger');
  await openPrivateAuthority(folder, { stack: 'stranger', nowMs: Date.now() });
  return join(folder, 'ca.crt');
}

async function serial(node: number): Promise<string> {
  const { stdout } = await stack.run('certs', '--json');
  const { certificates } = JSON.parse(stdout) as { certificates: { holder: string; serialNumber: string }[] };
  return certificates.find(({ holder }) => holder === `redis-${node}`)?.serialNumber ?? '';
}

describe('by default', () => {
  test.skipIf(lacks('redis-cli') || lacks('openssl'))(
    'clients verify the nodes, and are turned away by a wrong authority',
    async () => {
      stack = await stacks.shared();
      const { REDIS_TLS_CA_FILE: ca } = await environment();
      const wrong = await strangerCa();

      expect(await redisCli(1, ca, 'PING')).toBe('PONG');
      await expect(redisCli(1, wrong, 'PING')).rejects.toThrow(/certificate verify failed/);
      for (const protocol of ['-tls1_2', '-tls1_3']) {
        expect(await openssl(2, ca, protocol)).toContain('Verify return code: 0 (ok)');
      }
      await expect(openssl(2, wrong)).rejects.toThrow(/verify error/);
      expect(await roundTrip(ca)).toEqual([]);
      await expect(roundTrip(wrong)).rejects.toThrow(/startup nodes|slots cache/);
      const refusing = new Redis({ port: tlsPort(1), tls: { ca: readFileSync(wrong) }, retryStrategy: () => null });
      await expect(once(refusing, 'ready')).rejects.toThrow(/self-signed|unable to verify/);

      const folder = join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'tls');
      expect(statSync(join(folder, 'ca.pem')).mode & 0o777).toBe(0o600);
      expect(readFileSync(ca, 'utf8')).not.toContain('PRIVATE KEY');
    },
  );

  test('certificates are seen where the engine does not list each published port, as Podman does', async () => {
    stack = await stacks.shared();
    const session = await stack.session();
    const listContainers = async (): Promise<Container[]> =>
      (await session.engine.listContainers()).map((container) => ({ ...container, ports: [] }));
    const seen = await observeCertificates({ ...session, engine: { ...session.engine, listContainers } });
    expect(seen.map(({ node, served }) => `${node.name} ${served.state}`)).toEqual(
      [1, 2, 3].map((number) => `redis-${number} trusted`),
    );
  });

  test.skipIf(lacks('python3-redis'))(
    "Debian's python3-redis reads and writes over TLS with what env prints",
    async () => {
      stack = await stacks.shared();
      const values = await environment();
      const script = `
import json, os
import redis.cluster
nat = {tuple(k.rsplit(":", 1)): (v["host"], v["port"]) for k, v in json.loads(os.environ["REDIS_TLS_NAT_MAP"]).items()}
# This version has no address_remap yet.
plain_init = redis.cluster.ClusterNode.__init__
def init(self, host, port, *rest, **named):
    plain_init(self, *nat.get((host, str(port)), (host, port)), *rest, **named)
redis.cluster.ClusterNode.__init__ = init
host, port = os.environ["REDIS_TLS_CLUSTER_NODES"].split(",")[0].removeprefix("rediss://").split(":")
rc = redis.cluster.RedisCluster(host=host, port=int(port), password=os.environ["REDIS_PASSWORD"], ssl=True,
                  ssl_ca_certs=os.environ["CA"], ssl_cert_reqs="required", ssl_check_hostname=True)
for i in range(100): rc.set(f"py:{i}", i)
print(sum(int(rc.get(f"py:{i}")) for i in range(100)))
`;
      const python = (ca: string): Promise<{ stdout: string }> =>
        run('/usr/bin/python3', ['-c', script], { env: { ...process.env, ...values, CA: ca } });
      expect((await python(values.REDIS_TLS_CA_FILE)).stdout.trim()).toBe('4950');
      await expect(python(await strangerCa())).rejects.toThrow(/CERTIFICATE_VERIFY_FAILED|certificate verify failed/);
    },
  );
});

describe('shapes', () => {
  test.skipIf(lacks('redis-cli'))(
    'without a plain port, with the bus encrypted and clients that show a certificate',
    async () => {
      stack = await makeStack({ nodeCount: 6, replicas: 1, tls: '{ plain: false, clientAuth: yes }' });
      await stack.must('up');
      const { stdout } = await stack.must('status');
      expect(stdout).toContain('cluster_state:ok, every node agrees');
      const values = await environment();
      expect(values.REDIS_CLUSTER_NODES).toBeUndefined();
      expect(await roundTrip(values.REDIS_TLS_CA_FILE)).toEqual([]);

      // Nobody without a certificate gets in.
      await expect(redisCli(1, values.REDIS_TLS_CA_FILE, 'PING')).rejects.toThrow(/certificate required|reset|closed/i);
      const own = ['--cert', values.REDIS_TLS_CERT_FILE ?? '', '--key', values.REDIS_TLS_KEY_FILE ?? ''];
      expect(await redisCli(1, values.REDIS_TLS_CA_FILE, ...own, 'PING')).toBe('PONG');
      expect(await stack.redis(2, 'CONFIG', 'GET', 'tls-replication')).toContain('yes');
      expect(await stack.redis(2, 'CLUSTER', 'NODES')).toContain(`${stack.ips[0] ?? ''}:6380@16379`);
      const containers = await stack.engine.listContainers();
      const ports = containers.find(({ name }) => name === stack.container(1))?.ports.map((port) => port.containerPort);
      expect(ports).toEqual([6380]);
      await expect
        .poll(async () => (await stack.must('status')).stdout, { timeout: 30_000, interval: 1000 })
        .toContain('(healthy)');
      expect((await stack.must('restart', 'redis-2')).stdout).toContain('cluster_state:ok');
      expect((await stack.must('up')).stdout).toContain('nothing to do');

      // Keys move over TLS too; user:1000 is in slot 1649.
      await stack.redis(1, 'SET', 'user:1000', 'moved');
      const move = await stack.must('cluster', 'reshard', '--from', 'redis-1', '--to', 'redis-3', '--slots', '1700');
      expect(move.stderr + move.stdout).toMatch(/1,700 slots with [1-9]\d* keys? moved/);
      expect(await stack.redis(3, 'GET', 'user:1000')).toBe('moved');
      await stack.must('cluster', 'backup', join(stack.folder, 'backup'));
      await stack.must('cluster', 'restore', join(stack.folder, 'backup'), '--replace');
      await stack.must('cluster', 'failover', 'redis-4');
      expect((await stack.must('cluster', 'check')).stdout).toContain('✓');
    },
  );

  test('a plain bus stays until somebody asks, and doctor says so; changed under load, no acknowledged write is lost', async () => {
    stack = await makeStack({ tls: '{ cluster: false }' });
    await stack.must('up');
    await stack.redis(1, 'SET', 'kept', 'yes');
    const asked = async (tls: string): Promise<string> => {
      stack.edit((yaml) => yaml.replace(/^tls: .*$/m, `tls: ${tls}`));
      return (await stack.must('up')).stdout;
    };
    expect(await asked('{}')).toContain('nothing to do');
    expect(await stack.redis(1, 'CONFIG', 'GET', 'tls-cluster')).toContain('no');
    expect((await stack.must('doctor')).stdout).toMatch(/bus {2,}it is not encrypted.* It stays as it was made/);
    const writers = await startSteadyWriters(stack, 3);
    try {
      await asked('{ cluster: true }');
      const { acknowledged } = await writers.stop();
      expect(acknowledged).toBeGreaterThan(0);
      expect(await writers.findLost()).toEqual([]);
    } finally {
      writers.close();
    }
    expect(await stack.redis(1, 'CONFIG', 'GET', 'tls-cluster')).toContain('yes');
    expect(await asked('{}')).toContain('nothing to do');
    expect((await stack.must('doctor')).stdout).toMatch(/bus {2,}it is encrypted/);
    stack.edit((yaml) => yaml.replace('tls: {}', 'tls: { enabled: false }'));
    await stack.must('up');
    expect(await stack.redis(1, 'GET', 'kept')).toBe('yes');
    expect(await environment()).not.toHaveProperty('REDIS_TLS_CA_FILE');
  });
});

describe('renewal', () => {
  const DAY_MS = 86_400_000;
  const authorityFolder = (): string => join(stack.folder, 'state/redis-cluster-as-code', stack.name, 'tls');

  /** Gives a running node a certificate of 90 days that was issued `daysAgo`. */
  async function age(node: number, daysAgo: number): Promise<void> {
    const then = await openPrivateAuthority(authorityFolder(), {
      stack: stack.name,
      nowMs: Date.now() - daysAgo * DAY_MS,
    });
    const pair = await then.issue({
      commonName: stack.container(node),
      names: {
        dnsNames: [`redis-${node}`, stack.container(node), 'localhost'],
        ipAddresses: [stack.ips[node - 1] ?? '', '127.0.0.1', '::1'],
      },
      usage: 'server',
      validityDays: 90,
    });
    const files = certificateFiles({ caPem: then.certificatePem, pem: inOnePem(pair) });
    await stack.engine.writeFiles(stack.container(node), files);
    await stack.redis(node, 'CONFIG', 'SET', 'tls-cert-file', CERTIFICATE_FILE);
  }

  test.skipIf(lacks('redis-cli'))(
    'the authority was lost: all nodes get certificates of a new one, while clients stay connected',
    async () => {
      stack = await stacks.shared();
      const { REDIS_TLS_CA_FILE: ca, REDIS_PASSWORD: password } = await environment();
      const client = new Redis({ host: '127.0.0.1', port: tlsPort(1), password, tls: { ca: readFileSync(ca) } });
      let closed = 0;
      client.on('close', () => (closed += 1));
      const before = [await serial(1), await client.client('ID')];
      rmSync(join(ca, '..'), { recursive: true });

      const { stderr } = await stack.must('up');
      expect(stderr.match(/✓ renew certificate redis-/g)).toHaveLength(3);
      expect(await client.client('ID')).toBe(before[1]);
      expect(closed).toBe(0);
      client.disconnect();
      expect(await serial(1)).not.toBe(before[0]);
      expect(await redisCli(1, ca, 'PING')).toBe('PONG');
      expect((await stack.must('up')).stdout).toContain('nothing to do');
    },
  );

  test('14 days ahead plan and status warn; up renews what has a third of its life left, in the running server', async () => {
    stack = await makeStack();
    // An authority that is as old as what it is said to have signed.
    await openPrivateAuthority(authorityFolder(), { stack: stack.name, nowMs: Date.now() - 100 * DAY_MS });
    await stack.must('up');
    await stack.redis(2, '-c', 'SET', 'kept', 'yes');
    await age(1, 58);
    await age(2, 61);
    await age(3, 77);
    const aged = [await serial(1), await serial(2), await serial(3)];
    const startedAt = await stack.redis(3, 'INFO', 'server').then((info) => /run_id:\w+/.exec(info)?.[0]);

    const { stdout: status } = await stack.must('status');
    expect(status).toMatch(/redis-3: its certificate ends on \d{4}-\d\d-\d\d: up renews it/);
    expect(status).not.toContain('redis-2: its certificate');
    const { stdout: planned } = await stack.must('plan');
    expect(planned).toContain('! redis-3: its certificate ends on');
    expect(planned).toContain('~ renew certificate redis-2  (its certificate ends on');
    expect(planned).not.toContain('redis-1');

    await stack.must('up');
    expect(await serial(1)).toBe(aged[0]);
    expect(await serial(2)).not.toBe(aged[1]);
    expect(await serial(3)).not.toBe(aged[2]);
    expect(await stack.redis(3, 'INFO', 'server')).toContain(startedAt);
    expect(await stack.redis(2, '-c', 'GET', 'kept')).toBe('yes');
    expect((await stack.must('plan')).stdout).toContain('Nothing to do');
  });

  test('this host has lost everything, and no plain port is open: status sees the nodes, plan and up mend it', async () => {
    stack = await makeStack({ tls: '{ plain: false, clientAuth: yes }' });
    await stack.must('up');
    await stack.redis(1, '-c', 'SET', 'kept', 'yes');
    rmSync(join(stack.folder, 'state'), { recursive: true });
    // The containers have what this host has lost.
    const { stdout: status } = await stack.must('status');
    expect(status).toContain('cluster_state:ok, every node agrees');
    expect(status).toContain('authority: this host has lost');
    const plan = await stack.run('plan', '--detailed-exitcode');
    expect(plan.exitCode).toBe(3);
    expect(plan.stdout).toContain('~ renew certificate redis-1  (this host has lost the authority that signed it)');
    await stack.must('up');
    const { REDIS_TLS_CA_FILE: ca } = await environment();
    expect(await roundTrip(ca)).toEqual([]);
    expect(await stack.redis(1, '-c', 'GET', 'kept')).toBe('yes');
    expect((await stack.must('up')).stdout).toContain('nothing to do');
  });

  test('without a plain port, nodes whose certificate nobody can trust any more come back with another', async () => {
    stack = await makeStack({ tls: '{ plain: false }' });
    await openPrivateAuthority(authorityFolder(), { stack: stack.name, nowMs: Date.now() - 100 * DAY_MS });
    await stack.must('up');
    await stack.redis(1, '-c', 'SET', 'kept', 'yes');
    for (const node of [1, 2, 3]) await age(node, 95);
    expect((await stack.must('plan')).stdout).toMatch(
      /renew certificate and restart redis-1 {2}\(its certificate.* has expired\)/,
    );
    const { stderr } = await stack.must('up');
    expect(stderr.match(/✓ renew certificate and restart redis-/g)).toHaveLength(3);
    expect(await stack.redis(1, '-c', 'GET', 'kept')).toBe('yes');

    // Another issuer, and back again.
    const folder = join(stack.folder, 'own');
    const authority = await openPrivateAuthority(folder, { stack: 'own', nowMs: Date.now() });
    const names = { dnsNames: [], ipAddresses: ['127.0.0.1'] };
    const pair = await authority.issue({ commonName: 'own', names, usage: 'server', validityDays: 365 });
    writeFileSync(join(folder, 'own.pem'), inOnePem(pair).reveal());
    const files = 'issuer: files, ca: own/ca.crt, certificate: own/own.pem, key: own/own.pem';
    stack.edit((yaml) => yaml.replace('{ plain: false }', `{ plain: false, ${files} }`));
    await stack.must('up');
    expect(await roundTrip(join(folder, 'ca.crt'))).toEqual([]);
    stack.edit((yaml) => yaml.replace(`, ${files}`, ''));
    await stack.must('up');
    expect((await stack.must('up')).stdout).toContain('nothing to do');
    expect(await stack.redis(1, '-c', 'GET', 'kept')).toBe('yes');
  });

  test('a life of few days is no reason to warn; TLS that is off has no certificates', async () => {
    stack = await makeStack({ tls: '{ validityDays: 10 }' });
    await stack.must('up');
    expect((await stack.must('plan')).stdout).toBe('Nothing to do: all is as the YAML file says.\n');
    stack.edit((yaml) => yaml.replace('validityDays: 10', 'enabled: false'));
    await stack.must('up');
    expect((await stack.must('certs')).stdout).toContain('TLS is off');
    expect((await stack.must('status')).stdout).not.toContain('certificate');
  });

  test('a file of the user that names another host is refused; status shows the nodes whatever is wrong with it', async () => {
    stack = await makeStack();
    await stack.must('up');
    const folder = join(stack.folder, 'own');
    const authority = await openPrivateAuthority(folder, { stack: 'own', nowMs: Date.now() });
    const names = { dnsNames: ['redis-1'], ipAddresses: [] };
    const pair = await authority.issue({ commonName: 'own', names, usage: 'server', validityDays: 365 });
    writeFileSync(join(folder, 'own.pem'), inOnePem(pair).reveal());
    stack.edit((yaml) =>
      yaml.replace('tls: {}', 'tls: { issuer: files, ca: own, certificate: own/own.pem, key: own/own.pem }'),
    );
    const status = await stack.must('status');
    expect(status.stdout).toContain('cluster_state:ok, every node agrees');
    expect(status.stdout).toMatch(/! .*own can't be read: EISDIR/);
    stack.edit((yaml) => yaml.replace('ca: own,', 'ca: own/ca.crt,'));
    const { exitCode, stderr } = await stack.run('up');
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/own\.pem does not name 127\.0\.0\.1/);
    expect(stderr).toContain('subjectAltName = IP:127.0.0.1');
  });

  test.skipIf(lacks('redis-cli'))(
    'files of the user: a new one in their place is installed, a wrong one is refused before anything changes',
    async () => {
      stack = await makeStack({
        tls: '{ issuer: files, ca: own/ca.crt, certificate: "own/{node}.pem", key: "own/{node}.pem" }',
      });
      const folder = join(stack.folder, 'own');
      const authority = await openPrivateAuthority(folder, { stack: 'own', nowMs: Date.now() });
      const write = async (node: number): Promise<void> => {
        const names = { dnsNames: [`redis-${node}`], ipAddresses: ['127.0.0.1'] };
        const pair = await authority.issue({ commonName: `own-${node}`, names, usage: 'server', validityDays: 365 });
        writeFileSync(join(folder, `redis-${node}.pem`), inOnePem(pair).reveal());
      };
      const refused = await stack.run('up');
      expect(refused.exitCode).toBe(1);
      expect(refused.stderr).toMatch(/redis-1\.pem/);
      expect((await stack.engine.listContainers()).filter(({ name }) => name.startsWith(stack.name))).toEqual([]);

      await Promise.all([1, 2, 3].map(write));
      await stack.must('up');
      expect(await redisCli(1, join(folder, 'ca.crt'), 'PING')).toBe('PONG');
      const before = await serial(2);
      await write(2);
      expect((await stack.must('plan')).stdout).toContain(
        '~ renew certificate redis-2  (its files hold another certificate)',
      );
      await stack.must('up');
      expect(await serial(2)).not.toBe(before);
      expect((await stack.must('plan')).stdout).toContain('Nothing to do');
    },
  );
});
