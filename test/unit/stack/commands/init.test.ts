import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { init, type NewStack } from '../../../../src/stack/commands/init.ts';
import { loadStack } from '../../../../src/stack/session/load.ts';
import { useTempFolders } from '../../../helpers/temp-folder.ts';

const tempFolder = useTempFolders();
const USUAL: NewStack = { name: undefined, primaries: 3, replicas: 0, firstPort: 6379, subnet: undefined };

test.each([
  ['Mein Pröjekt 2', 'mein-projekt-2'],
  ['2048', 'redis'],
  ['数据', 'redis'],
  [`a${'b'.repeat(60)}`, `a${'b'.repeat(30)}`],
])('the folder %s gives a stack that is called %s', async (folder, name) => {
  const file = join(await tempFolder(), folder, 'redis-cluster.yaml');
  await mkdir(dirname(file));
  await init(file, USUAL);
  const { spec } = await loadStack(file);
  expect(spec).toMatchObject({ name, network: { name: `${name}-redis` } });
  expect(spec.nodes.map(({ ports }) => ports.plain)).toEqual([6379, 6380, 6381]);
  expect(spec.network.subnet.text).toMatch(/^10\.\d+\.\d+\.0\/24$/);
});

test('as many replicas as primaries, each node with ports of its own, in a subnet with little room', async () => {
  const file = join(await tempFolder(), 'redis-cluster.yaml');
  await init(file, { name: 'shop', primaries: 3, replicas: 1, firstPort: 7000, subnet: '192.168.77.0/28' });
  const { spec } = await loadStack(file);
  expect(spec.redis.replicas).toBe(1);
  expect(spec.nodes.map(({ ip }) => ip).at(-1)).toBe('192.168.77.7');
  const ports = spec.nodes.flatMap(({ ports: all }) => Object.values(all)).toSorted((one, other) => one - other);
  expect(ports).toEqual(Array.from({ length: 12 }, (_, index) => 7000 + index));
});

test('editors find the schema in the package, from a folder below, too', async () => {
  const root = await tempFolder();
  const schema = join(root, 'node_modules/redis-cluster-as-code/dist/schema.json');
  await mkdir(dirname(schema), { recursive: true });
  await writeFile(schema, '{}');
  await mkdir(join(root, 'services/cart'), { recursive: true });
  await init(join(root, 'redis-cluster.yaml'), USUAL);
  await init(join(root, 'services/cart/redis-cluster.yaml'), USUAL);
  const firstLine = async (folder: string): Promise<string | undefined> =>
    (await readFile(join(root, folder, 'redis-cluster.yaml'), 'utf8')).split('\n')[0];
  const path = 'node_modules/redis-cluster-as-code/dist/schema.json';
  expect(await firstLine('.')).toBe(`# yaml-language-server: $schema=./${path}`);
  expect(await firstLine('services/cart')).toBe(`# yaml-language-server: $schema=../../${path}`);
});

test('nothing is written where there is a file, or where the options make no stack', async () => {
  const folder = await tempFolder();
  const file = join(folder, 'redis-cluster.yaml');
  await expect(init(file, { ...USUAL, subnet: '10.1.2.3/24' })).rejects.toMatchObject({
    code: 'USAGE',
    details: ['network.subnet: 10.1.2.3/24 is an address inside a subnet, not a subnet (write 10.1.2.0/24)'],
  });
  await expect(init(file, { ...USUAL, primaries: 14, subnet: '10.1.2.0/28' })).rejects.toThrow('make no stack');
  expect(await readdir(folder)).toEqual([]);
  await writeFile(file, 'mine');
  await expect(init(file, USUAL)).rejects.toThrow('exists already and is not overwritten');
  expect(await readFile(file, 'utf8')).toBe('mine');
});
