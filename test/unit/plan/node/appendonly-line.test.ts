import { describe, expect, test } from 'vitest';
import { redisConf, withAppendonly, writtenAppendonly } from '../../../../src/plan/node/redis-config.ts';
import { at, specOf } from '../../../helpers/builders.ts';

const spec = specOf();
const conf = redisConf(spec, at(spec.nodes, 0));

describe('how a node of a redis.conf starts', () => {
  test('is read from the file that this program writes', () => {
    expect(writtenAppendonly(conf)).toBe(spec.redis.persistence.appendonly);
  });

  test.each([
    ['appendonly no\nport 1\nappendonly yes\n', true],
    ['APPENDONLY No\n', false],
    ['  appendonly "yes"\r\n', true],
    ['appendonlydir yes\n# appendonly yes\nappendfsync no\n', undefined],
    ['', undefined],
  ])('is read from %j', (text, expected) => {
    expect(writtenAppendonly(text)).toBe(expected);
  });

  test.each([true, false])('changes in that line and no other: %s', (appendonly) => {
    const changed = withAppendonly(conf, appendonly);
    expect(writtenAppendonly(changed)).toBe(appendonly);
    expect(withAppendonly(changed, spec.redis.persistence.appendonly)).toBe(conf);
  });

  test('is said at the end of a file that did not say it', () => {
    expect(writtenAppendonly(withAppendonly('port 6379', true))).toBe(true);
  });
});
