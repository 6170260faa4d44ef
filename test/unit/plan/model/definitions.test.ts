import { describe, expect, test } from 'vitest';
import { publishedPort } from '../../../../src/plan/model/host-ports.ts';
import { connectionArguments, containerDefinition, networkDefinition } from '../../../../src/plan/model/definitions.ts';
import { LABELS } from '../../../../src/plan/model/names.ts';
import { PASSWORD_FILE } from '../../../../src/plan/node/redis-config.ts';
import type { ContainerDefinition } from '../../../../src/plan/model/resources.ts';
import { at, containerOf, specOf, type Shape } from '../../../helpers/builders.ts';

function definitionOf(shape: Shape = {}): ContainerDefinition {
  const spec = specOf(shape);
  return containerDefinition(spec, at(spec.nodes, 0), 'redis:7-alpine', '/home/jane/stack.yaml');
}

describe('a container', () => {
  test('is what the YAML file says, as a user that is not root, published on 127.0.0.1 alone', () => {
    expect(definitionOf()).toMatchObject({
      name: 'dev-redis-1',
      image: 'redis:7-alpine',
      user: '999:999',
      command: ['redis-server', '/etc/redis/node/redis.conf'],
      hostname: 'redis-1',
      network: { name: 'dev-services', address: '172.20.0.11', aliases: ['redis-1'] },
      ports: [
        { hostAddress: '127.0.0.1', hostPort: 7000, containerPort: 6379 },
        { hostAddress: '127.0.0.1', hostPort: 8000, containerPort: 6380 },
        { hostAddress: '127.0.0.1', hostPort: 17000, containerPort: 16379 },
      ],
      volume: { name: 'dev-redis-1-data', path: '/data' },
      memoryBytes: 512 * 1024 ** 2,
      cpus: 1,
      restartPolicy: 'unless-stopped',
    });
  });

  test('of a Valkey image starts, and is asked, by the names that its programs have', () => {
    const spec = specOf();
    const { command, healthcheck } = containerDefinition(spec, at(spec.nodes, 0), 'valkey:9', 'stack.yaml', 'valkey');
    expect(command).toEqual(['valkey-server', '/etc/redis/node/redis.conf']);
    expect(healthcheck.command.join(' ')).toMatch(/^CMD-SHELL valkey-cli .* cluster info/);
  });

  test('carries the labels by which it is found again, and by which Compose groups it', () => {
    const { labels, volume } = definitionOf();
    expect(labels).toMatchObject({
      [LABELS.stack]: 'dev',
      [LABELS.node]: 'redis-1',
      'com.docker.compose.project': 'dev',
      'com.docker.compose.service': 'redis-1',
      'com.docker.compose.config-hash': 'redis-cluster-as-code',
      'com.docker.compose.project.config_files': '/home/jane/stack.yaml',
    });
    expect(volume.labels).toMatchObject({ [LABELS.stack]: 'dev', [LABELS.node]: 'redis-1' });
  });

  test('has a health check that knows no password and fails on a cluster that does', () => {
    const command = definitionOf().healthcheck.command.join(' ');
    expect(command).toContain('--user health');
    expect(command).toContain('cluster_state:ok');
    expect(command).not.toContain(PASSWORD_FILE);
    expect(command).not.toMatch(/REDISCLI_AUTH| -a |requirepass/);
  });

  test.each([
    [{}, [6379, 6380, 16379]],
    [{ enabled: false }, [6379, 16379]],
    [{ plain: false }, [6380, 16379]],
    [{ cluster: true }, [6379, 6380, 16379]],
  ])('with tls %j publishes %j: nothing is published on which nobody listens', (tls, containerPorts) => {
    expect(definitionOf({ tls }).ports.map(({ containerPort }) => containerPort)).toEqual(containerPorts);
  });

  test('publishes each port inside under its own port outside, whichever are open', () => {
    expect(definitionOf({ tls: { plain: false } }).ports).toEqual([
      { hostAddress: '127.0.0.1', hostPort: 8000, containerPort: 6380 },
      { hostAddress: '127.0.0.1', hostPort: 17000, containerPort: 16379 },
    ]);
  });

  test('publishes what clients use a second time, where they come by name; this program goes on where it was', () => {
    const definition = definitionOf({ access: 'names' });
    expect(definition.ports.filter(({ hostAddress }) => hostAddress !== '127.0.0.1')).toEqual([
      { hostAddress: '127.20.0.11', hostPort: 6379, containerPort: 6379 },
      { hostAddress: '127.20.0.11', hostPort: 6380, containerPort: 6380 },
    ]);
    const container = containerOf(definition);
    const backwards = { ...container, ports: container.ports.toReversed() };
    expect(publishedPort(backwards, 'plain')).toMatchObject({ hostAddress: '127.0.0.1', hostPort: 7000 });
    expect(publishedPort(backwards, 'tls')).toMatchObject({ hostAddress: '127.0.0.1', hostPort: 8000 });
  });

  test('publishes the bus only where the YAML file has a port for it', () => {
    const nodes = { 1: '11', 2: '12', 3: '13' };
    const withoutBus = Object.entries(nodes).map(([node, host]) => [
      `redis-${node}`,
      { ip: `172.20.0.${host}`, ports: { plain: Number(`700${node}`), tls: Number(`800${node}`) } },
    ]);
    const { ports } = definitionOf({ redis: { nodes: Object.fromEntries(withoutBus) } });
    expect(ports.map(({ containerPort }) => containerPort)).toEqual([6379, 6380]);
  });

  test('is asked for its health on the plain port, and over TLS where that is closed', () => {
    const command = (tls: Shape['tls']): string => definitionOf({ tls: tls ?? {} }).healthcheck.command.join(' ');
    expect(command({})).toMatchInlineSnapshot(
      `"CMD-SHELL redis-cli --no-auth-warning --user health --pass health cluster info | grep -cE "cluster_state:ok|cluster_slots_ok:16384" | grep -qx 2"`,
    );
    expect(command({ plain: false })).toMatchInlineSnapshot(
      `"CMD-SHELL redis-cli -p 6380 --tls --cacert /etc/redis/node/tls/ca.crt --cert /etc/redis/node/tls/node.pem --key /etc/redis/node/tls/node.pem --no-auth-warning --user health --pass health cluster info | grep -cE "cluster_state:ok|cluster_slots_ok:16384" | grep -qx 2"`,
    );
    expect(command({ enabled: false })).toBe(command({}));
    expect(command({ cluster: true })).toBe(command({}));
  });

  test('is reached by its own redis-cli in the same way', () => {
    expect(connectionArguments(specOf())).toEqual([]);
    expect(definitionOf({ tls: { plain: false } }).healthcheck.command.join(' ')).toContain(
      connectionArguments(specOf({ tls: { plain: false } })).join(' '),
    );
  });
});

describe('a network', () => {
  test('takes automatic addresses from where no node is', () => {
    expect(networkDefinition(specOf())).toMatchObject({
      name: 'dev-services',
      subnet: '172.20.0.0/16',
      gateway: '172.20.0.1',
      automaticRange: '172.20.128.0/17',
      labels: {
        [LABELS.stack]: 'dev',
        'com.docker.compose.project': 'dev',
        'com.docker.compose.network': 'dev-services',
      },
    });
  });

  test('has a digest that changes with its own definition alone', () => {
    const digest = (shape: Shape): string | undefined => networkDefinition(specOf(shape)).labels[LABELS.definition];
    expect(digest({ network: { gateway: '172.20.0.254' } })).not.toBe(digest({}));
    expect(digest({ redis: { memory: '1gb' } })).toBe(digest({}));
  });
});
