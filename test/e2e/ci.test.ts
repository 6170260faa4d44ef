/** The files for CI systems, their steps run as a runner does, on a stack of the test's own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createServer } from 'node:tls';
import { parseEnv } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LOCAL_IMAGE } from '../../src/plan/model/names.ts';
import { reachOf } from '../../src/stack/connect/host-address.ts';
import { issuePair, makeAuthority } from '../../src/tls/issue.ts';
import { runAction, runGitLabJob, type Job } from '../helpers/ci-runners.ts';
import { dockerSocket, makeStack, testEngine, type TestStack } from '../helpers/test-stack.ts';

const PASSWORD = `say "hi" it's\\me 100% #1 ü`;
const TSX = resolve('node_modules/.bin/tsx');
const MANAGE = resolve('manage.ts');

let stack: TestStack;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ci-test-'));
});
afterEach(async () => {
  await stack.remove();
  rmSync(folder, { recursive: true });
});

async function makeNamed(options: Parameters<typeof makeStack>[0]): Promise<void> {
  stack = await makeStack({ secrets: '{ file: password }', ...options });
  writeFileSync(join(stack.folder, 'password'), PASSWORD, { mode: 0o600 });
}

/** What an application does with the variables: writes a key and prints what it reads back. */
const CLIENT = `
const { Cluster } = require(${JSON.stringify(resolve('node_modules/ioredis'))});
const { readFileSync } = require('node:fs');
const { REDIS_CLUSTER_NODES, REDIS_NAT_MAP, REDIS_PASSWORD, REDIS_PASSWORD_FILE } = process.env;
const nodes = REDIS_CLUSTER_NODES.split(',').map((node) => ({ host: node.split(':')[0], port: Number(node.split(':')[1]) }));
const password = REDIS_PASSWORD ?? readFileSync(REDIS_PASSWORD_FILE, 'utf8').trimEnd();
const cluster = new Cluster(nodes, { natMap: JSON.parse(REDIS_NAT_MAP), redisOptions: { password } });
cluster.set('a', 'written').then(() => cluster.get('a')).then((value) => {
  console.log('read back:', value);
  cluster.disconnect();
});`;

const containersOf = async (): Promise<number> =>
  (await stack.engine.listContainers()).filter(({ name }) => name.startsWith(stack.name)).length;

test('the action for GitHub starts the stack, masks the password, tells the next steps, and keeps the image', async () => {
  await makeNamed({});
  const image = `${stack.name}:ci`;
  execFileSync('docker', ['tag', LOCAL_IMAGE, image]);
  try {
    stack.edit((yaml) => yaml.replace('redis:\n', `redis:\n  image: ${image}\n`));
    const cache = join(folder, 'cache');
    const start = (project: string): { job: Job; run: ReturnType<typeof runAction> } => {
      const temp = mkdtempSync(join(folder, 'temp-'));
      const job = { folder: project, env: stack.env, temp, cache };
      return { job, run: runAction('infra/ci/github', job, { file: stack.file, reveal: 'true' }) };
    };
    const use = async ({ job, run }: ReturnType<typeof start>): Promise<void> => {
      expect(run.masks).toEqual([PASSWORD]);
      expect(run.log).not.toContain(PASSWORD);
      expect(job.env).toMatchObject({ REDIS_PASSWORD: PASSWORD, REDIS_CLUSTER_NODES: run.outputs['nodes'] });
      expect(run.outputs['nodes']).toContain(`127.0.0.1:${stack.ports[0]}`);
      expect(JSON.parse(run.outputs['nat-map'] ?? '')).toHaveProperty(`${stack.ips[0]}:6379`);
      expect(execFileSync(process.execPath, ['-e', CLIENT], { env: job.env, encoding: 'utf8' })).toBe(
        'read back: written\n',
      );
      runAction('infra/ci/github/down', job, { file: stack.file });
      expect(await containersOf()).toBe(0);
    };
    // In a checkout of this project. The image is kept.
    await use(start(process.cwd()));
    expect(existsSync(join(cache, 'image.tar'))).toBe(true);

    // In a project that has the npm package, on a machine that never had the image.
    execFileSync('docker', ['rmi', image]);
    const project = join(folder, 'project');
    mkdirSync(join(project, 'node_modules/redis-cluster-as-code'), { recursive: true });
    mkdirSync(join(project, 'node_modules/.bin'));
    const command = join(project, 'node_modules/.bin/redis-cluster');
    writeFileSync(command, `#!/bin/sh\ntouch used\nexec ${TSX} ${MANAGE} "$@" -f ${stack.file}\n`);
    chmodSync(command, 0o755);
    const started = start(project);
    expect(started.run.log).toContain(`Loaded image: ${image}`);
    expect(existsSync(join(project, 'used'))).toBe(true);

    // What the devcontainer of the documents does in such a project.
    const [, devcontainer = ''] = /```json\n([^]*?)```/.exec(readFileSync('docs/ci.md', 'utf8')) ?? [];
    const { postStartCommand } = JSON.parse(devcontainer) as { postStartCommand: string };
    execFileSync('sh', ['-c', postStartCommand], { cwd: project, env: stack.env, stdio: 'pipe' });
    const isHere = reachOf(await stack.session()) === 'direct';
    expect(parseEnv(readFileSync(join(project, '.env'), 'utf8'))).toMatchObject({
      REDIS_CLUSTER_NODES: isHere ? stack.ips.map((ip) => `${ip}:6379`).join(',') : started.run.outputs['nodes'],
      REDIS_PASSWORD_FILE: join(stack.folder, 'password'),
    });
    await use(started);
  } finally {
    execFileSync('docker', ['rmi', image]);
  }
});

const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
test.skipIf(!canMount)('the job for GitLab connects to an engine that is its service, not on 127.0.0.1', async () => {
  await makeNamed({ redis: '  bind: 0.0.0.0\n' });
  const engine = await startService(dockerSocket(await testEngine()));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "name": "project", "version": "1.0.0" }');
    writeFileSync(join(folder, 'package-lock.json'), '{ "name": "project", "lockfileVersion": 3, "packages": {} }');
    writeFileSync(join(folder, 'client.cjs'), CLIENT);
    const job = {
      folder,
      hosts: { docker: SERVICE_ADDRESS },
      script: ['env | grep ^REDIS_', `node client.cjs`],
      env: {
        ...stack.env,
        DOCKER_HOST: `tcp://docker:${engine.port}`,
        DOCKER_CERT_PATH: engine.certificates,
        REDIS_CLUSTER: `${TSX} ${MANAGE}`,
        REDIS_CLUSTER_FILE: stack.file,
      },
    };
    const log = await runGitLabJob('infra/ci/gitlab.yml', '.redis-cluster', job);
    expect(log).toContain('read back: written');
    expect(log).toContain(`REDIS_CLUSTER_NODES=docker:${stack.ports[0]}`);
    expect(log).not.toContain(PASSWORD);
    expect(await containersOf()).toBe(0);
  } finally {
    await engine.close();
  }
});

const SERVICE_ADDRESS = '127.0.0.5';

/** The engine as docker-in-docker shows it: over TLS with certificates of its own, at the name `docker`. */
async function startService(
  socket: string,
): Promise<{ readonly port: number; readonly certificates: string; readonly close: () => Promise<void> }> {
  const now = Date.now();
  const authority = await makeAuthority('docker', now);
  const issue = (usage: 'server' | 'client') =>
    issuePair(
      authority,
      { commonName: 'docker', names: { dnsNames: ['docker'], ipAddresses: [] }, usage, validityDays: 1 },
      now,
    );
  const [server, client] = await Promise.all([issue('server'), issue('client')]);
  const ca = authority.certificate.toString();
  const certificates = join(folder, 'certs');
  mkdirSync(certificates);
  writeFileSync(join(certificates, 'ca.pem'), ca);
  writeFileSync(join(certificates, 'cert.pem'), client.certificatePem);
  writeFileSync(join(certificates, 'key.pem'), client.privateKeyPem.reveal(), { mode: 0o600 });
  const { certificatePem: cert, privateKeyPem } = server;
  const options = { cert, key: privateKeyPem.reveal(), ca, requestCert: true, allowHalfOpen: true };
  const service = createServer(options, (visitor) => {
    const upstream = connect({ path: socket, allowHalfOpen: true });
    for (const end of [visitor, upstream]) end.on('error', () => [visitor, upstream].forEach((one) => one.destroy()));
    visitor.pipe(upstream).pipe(visitor);
  });
  service.listen(0, SERVICE_ADDRESS);
  await once(service, 'listening');
  return {
    port: (service.address() as AddressInfo).port,
    certificates,
    close: async () => {
      service.close();
      await once(service, 'close');
    },
  };
}
