/** Engines as they are reached in earnest: one here, one over ssh, one over TLS. Each with its keys, and with wrong ones. */
import { spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { issuePair, makeAuthority } from '../../src/tls/issue.ts';
import { makeStackOn } from '../helpers/hosts-stack.ts';
import { startOwnHosts, whyNoOwnHosts, type OwnHost, type OwnHosts } from '../helpers/own-engine.ts';
import { endText, requireSuccess, type Ended } from '../helpers/program.ts';
import type { TestStack } from '../helpers/test-stack.ts';

const SSHD = '/usr/sbin/sshd';
const MOST_TRIES = 5;
const whyNot =
  whyNoOwnHosts() ?? (existsSync(SSHD) ? undefined : 'no sshd on this machine: apt-get install openssh-server');

describe.skipIf(whyNot !== undefined)(`engines over ssh and TLS${whyNot === undefined ? '' : ` (${whyNot})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'remote-'));
  let hosts: OwnHosts;
  let stack: TestStack;
  let sshd: ChildProcess;
  let logins = 0;
  beforeAll(async () => {
    hosts = await startOwnHosts(3);
    await Promise.all([hosts.joinSwarm(3), ...hosts.all.map((one) => one.loadImage())]);
    stack = await makeStackOn(hosts, 'abcbca');
    await Promise.all([startSshd(hosts.at(1)), startTls(hosts.at(2))]);
    stack.edit((yaml) =>
      yaml
        .replace(`"${hosts.at(1).host}"`, `ssh://root@${hosts.at(1).address}`)
        .replace(
          `"${hosts.at(2).host}", address: ${hosts.at(2).address}`,
          `tcp://${hosts.at(2).address}:2376, address: ${hosts.at(2).address}, tls: ${join(folder, 'client')}`,
        ),
    );
    Object.assign(stack.env, { PATH: `${folder}:${process.env['PATH'] ?? ''}` });
  });
  afterAll(async () => {
    await stack.remove();
    sshd.kill();
    await hosts.remove();
    rmSync(folder, { recursive: true, force: true });
  });

  const file = (name: string, text: string, mode = 0o600): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode });
    return path;
  };
  const makeKey = (name: string): string => {
    const path = join(folder, name);
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', path]);
    return path;
  };
  const knows = (key: string): void =>
    void file('known_hosts', `${hosts.at(1).address} ${readFileSync(`${key}.pub`, 'utf8')}`);

  /** An sshd that counts who comes in, and this user's ssh with a configuration of its own. */
  const startSshd = async (host: OwnHost): Promise<void> => {
    const [key, user] = [makeKey('host_key'), makeKey('user_key')];
    makeKey('other_key');
    const keys = file('authorized_keys', readFileSync(`${user}.pub`, 'utf8'));
    // A home of its own: what the user's shell does at each login is nobody's business here.
    const lines = [`HostKey ${key}`, `AuthorizedKeysFile ${keys}`, 'StrictModes no', 'UsePAM no', 'PidFile none'];
    const config = file(
      'sshd_config',
      [...lines, `SetEnv DOCKER_HOST=${host.host} HOME=${folder}`, 'LogLevel VERBOSE', ''].join('\n'),
    );
    sshd = host.begin('sh', '-c', `mkdir -p /run/sshd && exec ${SSHD} -D -e -f ${config}`);
    if (sshd.stderr === null) throw new Error('sshd says nothing');
    const said = createInterface({ input: sshd.stderr });
    said.on('line', (line) => (logins += line.includes('Accepted publickey') ? 1 : 0));
    await once(said, 'line');
    knows(key);
    const options = [
      `IdentityFile ${user}`,
      `UserKnownHostsFile ${join(folder, 'known_hosts')}`,
      'BatchMode yes',
      'IdentitiesOnly yes',
    ];
    file('ssh', `#!/bin/sh\nexec /usr/bin/ssh -F ${file('ssh_config', `${options.join('\n')}\n`)} "$@"\n`, 0o755);
  };
  /** An engine that lets in who has a certificate of its authority. */
  const startTls = async (host: OwnHost): Promise<void> => {
    const [authority, other] = await Promise.all(['right', 'wrong'].map((name) => makeAuthority(name, Date.now())));
    if (authority === undefined || other === undefined) throw new Error('no authority was made');
    const put = async (name: string, signer: typeof authority, usage: 'server' | 'client'): Promise<void> => {
      const names = { dnsNames: [], ipAddresses: [host.address] };
      const pair = await issuePair(signer, { commonName: name, names, usage, validityDays: 1 }, Date.now());
      mkdirSync(join(folder, name));
      file(`${name}/ca.pem`, authority.certificate.toString());
      file(`${name}/cert.pem`, pair.certificatePem);
      file(`${name}/key.pem`, pair.privateKeyPem.reveal());
    };
    await Promise.all([
      put('server', authority, 'server'),
      put('client', authority, 'client'),
      put('stranger', other, 'client'),
    ]);
    const at = (name: string): string => join(folder, 'server', name);
    await host.stop('SIGTERM');
    await host.start([
      `--host=tcp://${host.address}:2376`,
      '--tlsverify',
      `--tlscacert=${at('ca.pem')}`,
      `--tlscert=${at('cert.pem')}`,
      `--tlskey=${at('key.pem')}`,
    ]);
  };
  const failing = async (...args: readonly string[]): Promise<string> => {
    const ended = await hosts.program(stack, ...args).ended;
    expect(ended).toMatchObject({ exitCode: 1 });
    return ended.stdout + ended.stderr;
  };
  const counted: string[] = [];
  /** A machine with much else to do may take longer for a login than a host is waited for. */
  const must = async (...args: readonly string[]): Promise<Ended> => {
    for (let tries = 1; ; tries += 1) {
      const before = logins;
      const ended = await hosts.program(stack, ...args).ended;
      if (ended.exitCode !== 0 && tries < MOST_TRIES && endText(ended).includes('does not answer')) continue;
      counted.push(`${args.join(' ')}: ${logins - before} logins, ${(ended.elapsedMs / 1000).toFixed(1)} s`);
      return requireSuccess(ended, args.join(' '));
    }
  };

  test('all commands go there, over a few logins', async () => {
    expect((await must('up')).stdout).toContain('16,384 slots, 6 nodes agree');
    expect((await must('up')).stdout).toContain('nothing to do');
    expect((await must('status')).stdout).toMatch(/redis-5 +c +Up .* replica of redis-2/);
    expect((await must('redis-cli', 'redis-2', '--', 'CLUSTER', 'MYID')).stdout).toMatch(/^[0-9a-f]{40}/);
    expect((await must('logs', '--tail', '1')).stdout).toMatch(/redis-4/);
    console.log(counted.join('\n'));
  });

  test('with wrong keys the host is away: it is said why, what it is about, and what to try', async () => {
    const doctorSays = (what: RegExp): Promise<void> =>
      expect.poll(() => failing('doctor'), { timeout: 120_000 }).toMatch(what);
    knows(join(folder, 'other_key'));
    await doctorSays(
      /✗ host b [^✗]*\(hosts\.b in the YAML file\) does not answer[^✗]*ssh: Host key verification failed\.\)/,
    );
    knows(join(folder, 'host_key'));

    file('authorized_keys', readFileSync(join(folder, 'other_key.pub'), 'utf8'));
    await doctorSays(
      /✗ host b [^✗]*Permission denied \(publickey.*\)\.\)\n +→ docker -H ssh:\/\/root@10\.99\.0\.12 version {3}# until that answers/,
    );
    expect(await failing('up')).toMatch(/hosts\.b in the YAML file\) does not answer/);
    file('authorized_keys', readFileSync(join(folder, 'user_key.pub'), 'utf8'));

    cpSync(join(folder, 'client'), join(folder, 'kept'), { recursive: true });
    cpSync(join(folder, 'stranger'), join(folder, 'client'), { recursive: true });
    await doctorSays(
      /✗ host c [^✗]*\(TLS: .*bad certificate\)\n +→ .*docker --tlsverify -H tcp:\/\/10\.99\.0\.13:2376 version {3}# until that answers/,
    );
    expect(await failing('up')).toMatch(/hosts\.c in the YAML file\) does not answer/);
    cpSync(join(folder, 'kept'), join(folder, 'client'), { recursive: true });

    await must('down', '--volumes', '--yes');
    for (const { docker } of hosts.all) expect(await docker.listContainers({ all: true })).toEqual([]);
  });
});
