import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ownProgram } from '../../../src/host/own-program.ts';

const CHECKOUT = { args: ['--import', 'tsx', join('/shop', 'manage.ts')], folder: join('/shop') };
const PACKAGE = {
  args: ['/shop/node_modules/redis-cluster-as-code/dist/cli.js'],
  folder: '/shop/node_modules/redis-cluster-as-code/dist',
};

test.each([
  ['from its sources', '/shop/src/host/own-program.ts', CHECKOUT],
  ['from the bundle that a checkout keeps', '/shop/node_modules/.cache/redis-cluster-as-code/0123.cjs', CHECKOUT],
  ['as the package', '/shop/node_modules/redis-cluster-as-code/dist/lib/program-0123.js', PACKAGE],
  ['as the library', '/shop/node_modules/redis-cluster-as-code/dist/index.js', PACKAGE],
])('the program is started again %s', (_case, file, program) => {
  expect(ownProgram(file)).toEqual(program);
});
