import { describe, expect, test } from 'vitest';
import { addNodes, completeNode, removeNodes, type NewNode } from '../../../src/spec/edit-nodes.ts';
import { parseSpec } from '../../../src/spec/parse.ts';
import { specOf, STACK_TEXT } from '../../helpers/builders.ts';

const FOURTH: NewNode = { name: 'redis-4', ip: '172.20.0.18', ports: { plain: 6382, tls: 6393, bus: 16382 } };

describe('the YAML file keeps what its author wrote', () => {
  const text = `# my stack
name: dev   # a name
redis:
    nodes:   # all of them
        redis-1: { ip: 172.20.0.13, ports: { plain: 6379, tls: 6390, bus: 16379 } }   # the first

        # the second one
        redis-2:
            ip: 172.20.0.16
            ports: { plain: 6380, tls: 6391, bus: 16380 }
        redis-3: { ip: 172.20.0.17, ports: { plain: 6381, tls: 6392, bus: 16381 } } # last
    replicas: 0
network: { subnet: 172.20.0.0/16 }`;

  test('a node more is one line more, with the others’ indentation', () => {
    const added = addNodes(text, [FOURTH]) ?? '';
    const line = '        redis-4: { ip: 172.20.0.18, ports: { plain: 6382, tls: 6393, bus: 16382 } }\n';
    expect(added).toContain(`# last\n${line}    replicas: 0`);
    expect(added.replace(line, '')).toBe(text);
    expect('spec' in parseSpec(added)).toBe(true);
  });

  test('a node less takes its own lines with it, and added and removed again leaves the same text', () => {
    expect(removeNodes(text, ['redis-2'])).toBe(text.replace(/ {8}redis-2:\n.*\n.*\n/, ''));
    expect(removeNodes(addNodes(text, [FOURTH]) ?? '', ['redis-4'])).toBe(text);
    expect(removeNodes(text, ['redis-1', 'redis-3'])).not.toMatch(/redis-[13]/);
  });

  test('a file that ends with its last node, without a newline', () => {
    const short = STACK_TEXT.trimEnd();
    expect(addNodes(short, [FOURTH])).toBe(
      `${STACK_TEXT}    redis-4: { ip: 172.20.0.18, ports: { plain: 6382, tls: 6393, bus: 16382 } }\n`,
    );
    expect(removeNodes(short, ['redis-3'])).toBe(STACK_TEXT.replace(/ {4}redis-3.*\n/, ''));
  });

  test('a node that a merge key brings is left to its author', () => {
    const merged = text
      .replace(/ {8}redis-3: .*\n/, '')
      .replace('name: dev', 'x-third: &third { redis-3: {} }\nname: dev');
    const nodes = merged.replace('    nodes:', '    nodes:\n        <<: *third');
    expect(removeNodes(nodes, ['redis-2', 'redis-3'])).toBeUndefined();
    expect(removeNodes(nodes, ['redis-2'])).not.toContain('redis-2');
  });

  test('nodes on one line are left to their author', () => {
    const flow = 'redis: { nodes: { redis-1: { ip: 172.20.0.13 } } }\n';
    expect(addNodes(flow, [FOURTH])).toBeUndefined();
    expect(removeNodes(flow, ['redis-1'])).toBeUndefined();
    expect(addNodes('name: dev\n', [FOURTH])).toBeUndefined();
  });
});

const NETWORK = { gateway: '172.20.0.1' };

describe('what nobody named', () => {
  test('is behind the highest address, and behind the highest port of each kind; the bus is published only where it is asked for', () => {
    expect(completeNode('redis-4', {}, specOf().nodes, NETWORK)).toEqual({
      name: 'redis-4',
      ip: '172.20.0.14',
      ports: { plain: 7003, tls: 8003 },
    });
  });

  test('skips ports of other kinds, and keeps what is given', () => {
    const nodes = specOf().nodes.map((node, index) => ({
      ...node,
      ports: { plain: 6379 + index, tls: 6382 + index, bus: 16379 + index },
    }));
    expect(completeNode('redis-4', { ip: '172.20.9.9', bus: 20_000 }, nodes, NETWORK)).toEqual({
      name: 'redis-4',
      ip: '172.20.9.9',
      ports: { plain: 6385, tls: 6386, bus: 20_000 },
    });
    const announced = { ...NETWORK, announce: 'host' } as const;
    expect(completeNode('redis-4', {}, nodes, announced).ports).toEqual({ plain: 6385, tls: 6386, bus: 16382 });
  });
});
