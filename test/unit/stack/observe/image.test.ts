import { expect, test } from 'vitest';
import { canStandIn } from '../../../../src/stack/observe/image.ts';

test.each([
  'redis:7',
  'redis:7-alpine',
  'redis:7.0',
  'redis:7.0.15-bookworm',
  'redis:6.2',
  'redis:6-alpine',
  'mirror.example:5000/library/redis:7-alpine@sha256:0a',
])('the local image stands in for %s', (reference) => {
  expect(canStandIn(reference)).toBe(true);
});

test.each([
  'redis:8',
  'redis:7.2',
  'redis:7.4-alpine',
  'redis',
  'redis:latest',
  'redis:alpine',
  'redis:70',
  'valkey/valkey:9',
  'valkey:7',
  'redis/redis-stack-server:7.2.0-v1',
  'my-redis:7',
  'redis:7x',
])('and not for %s, whose data it could not read', (reference) => {
  expect(canStandIn(reference)).toBe(false);
});
