import { isOwn } from '../../plan/model/names.ts';
import { failed, ok, warning, type Line } from './diagnosis.ts';
import type { Facts } from './facts.ts';
import { isAtLeast } from '../../versions.ts';

/** What every request of this program is of. */
const OLDEST_API = '1.41';

export async function checkEngine({ engine }: Facts): Promise<readonly Line[]> {
  const {
    engine: {
      endpoint: { address, source },
    },
    version: { version, apiVersion, platform },
  } = await engine.find();
  const text = `${address} (${source}), version ${version}, API ${apiVersion}, ${platform}`;
  if (isAtLeast(apiVersion, OLDEST_API)) return [ok('engine', text)];
  return [
    failed(
      'engine',
      `${text}; API ${OLDEST_API} or later is needed`,
      'Install a newer engine: sh scripts/bootstrap.sh',
    ),
  ];
}

export async function checkImage({ stack, image, resources }: Facts): Promise<readonly Line[]> {
  const {
    spec: { name, redis },
  } = await stack.know();
  const found = await image.find();
  if (found !== undefined) {
    const text = found.isStandIn
      ? `${found.reference}, built here, stands in for ${redis.image}, which is not on this engine`
      : found.reference;
    return [ok('image', text)];
  }
  const text = `neither ${redis.image} nor the local image is on this engine`;
  const mend = `docker pull ${redis.image}   # or, without a registry: npx tsx manage.ts image build`;
  const { containers } = await resources.know();
  // What runs goes on running. The next that is to be made can't be.
  if (containers.some(isOwn(name))) return [warning('image', `${text} any more: no container can be made anew`, mend)];
  return [failed('image', text, mend)];
}
