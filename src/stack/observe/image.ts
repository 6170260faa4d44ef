import type { Engine } from '../../engine/engine.ts';
import { StackError } from '../../errors.ts';
import { hint, quoted, run, type Hint } from '../../hint.ts';
import { LOCAL_IMAGE } from '../../plan/model/names.ts';
import type { Image } from '../../plan/model/resources.ts';
import type { Answer } from '../../plan/model/server.ts';
import type { Spec } from '../../spec/spec.ts';
import type { Session } from '../session/session.ts';

export interface ResolvedImage extends Image {
  /** The reference that containers are made from. */
  readonly reference: string;
  /** What its server says of itself; see `identify`. */
  readonly answer?: Answer | undefined;
  /** The local image stands in for the one that the YAML file names. */
  readonly isStandIn: boolean;
}

/**
 * Whether the local image can take the place of another one: what that has written, the Redis of a distribution, 7.0 at the
 * oldest, has to be able to read. So it can be no other server, and no newer Redis: also `latest` is one.
 */
export function canStandIn(reference: string): boolean {
  const [, repository = '', tag = ''] = /([^/:@]+)(?::([^/@]+))?(?:@.*)?$/.exec(reference) ?? [];
  return repository === 'redis' && /^([1-6](\.|-|$)|7(\.0(\.\d+)?)?(-|$))/.test(tag);
}

/**
 * The image that `reference` means on this engine: itself where it is present, else the local image, if one was built and
 * can stand in for it.
 * Undefined when neither is there. Nothing is downloaded, so that a working day doesn't begin with a registry's timeout.
 */
export async function resolveImage(engine: Engine, reference: string): Promise<ResolvedImage | undefined> {
  const [named, local] = await Promise.all([
    engine.findImage(reference),
    canStandIn(reference) ? engine.findImage(LOCAL_IMAGE) : undefined,
  ]);
  if (named !== undefined) return { ...named, reference, isStandIn: false };
  if (local !== undefined && (reference === LOCAL_IMAGE || canStandIn(reference)))
    return { ...local, reference: LOCAL_IMAGE, isStandIn: true };
  return undefined;
}

/** Of several hosts the first: `up` copies it to the others. */
export function imageBuild({ hosts: [first] }: Pick<Spec, 'hosts'>): Hint {
  return first === undefined ? run('image build') : run(`image build --host ${quoted(first.engine)}`);
}

/** Like `resolveImage`, and pulls the image where there is none. @throws StackError IMAGE_UNAVAILABLE */
export async function ensureImage({ engine, spec, report }: Session): Promise<ResolvedImage> {
  const { image: reference } = spec.redis;
  const present = await resolveImage(engine, reference);
  if (present !== undefined) {
    await engine.spreadImage(present.reference, (text) =>
      report({ subject: `image ${present.reference}`, state: 'running', text }),
    );
    return present;
  }

  const subject = `image ${reference}`;
  report({ subject, state: 'running', text: 'pulling' });
  try {
    await engine.pullImage(reference, (text) => report({ subject, state: 'running', text }));
  } catch (error) {
    report({ subject, state: 'failed', text: 'not available' });
    if (!(error instanceof StackError) || error.code === 'INTERRUPTED' || error.code === 'TERMINATED') throw error;
    throw new StackError('IMAGE_UNAVAILABLE', {
      message: `the image ${reference} is not on this engine and could not be pulled: ${error.message}`,
      hint: canStandIn(reference)
        ? hint`${imageBuild(spec)}   # makes a small local image that stands in for it, without a registry`
        : `docker pull ${reference}   # or docker load -i FILE; the local image stands in for redis:7 and older ones only`,
      cause: error,
    });
  }
  report({ subject, state: 'done', text: 'pulled' });
  const pulled = await resolveImage(engine, reference);
  if (pulled === undefined)
    throw new StackError('IMAGE_UNAVAILABLE', { message: `the image ${reference} vanished after it was pulled` });
  return pulled;
}
