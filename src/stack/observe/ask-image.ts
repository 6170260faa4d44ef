import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { errorMessage, hasCode, StackError } from '../../errors.ts';
import { hint, run } from '../../hint.ts';
import { replaceFile } from '../../kept-files.ts';
import { beside } from '../../plan/model/definitions.ts';
import { asking, NO_SERVER, parseAnswer, serverText, shortcoming, type Answer } from '../../plan/model/server.ts';
import { poll } from '../../poll.ts';
import { cacheFolder } from '../../user-folders.ts';
import type { Session } from '../session/session.ts';
import { readLog } from './container-end.ts';
import type { ResolvedImage } from './image.ts';

/**
 * What server an image has, without its being asked: what its environment says, or what it answered before. An image never
 * changes under its id. undefined where that isn't known.
 */
export async function recall(
  session: Pick<Session, 'engine' | 'env'>,
  image: ResolvedImage,
): Promise<Answer | undefined> {
  const { server, version } = image;
  const { platform } = await session.engine.version();
  // Official images are built with TLS. One for another processor may run here, or not.
  if (version !== undefined && (image.platform ?? platform) === platform)
    return { program: server, name: server, version, hasTls: true };
  try {
    return KEPT.parse(JSON.parse(await readFile(keptFile(session, image, platform), 'utf8')));
  } catch {
    return undefined;
  }
}

/**
 * The same, and asks the image where it isn't known: its server tells its version in a container that has no network, no
 * port and no data, and is gone then. It costs a container's start, once for each image on a machine.
 *
 * @returns the image with that answer; without one where it does not tell
 * @throws StackError SPEC_INVALID for an image that can't run the stack: without such a server, with one that is too old or
 *   knows no TLS where that is asked for, or for another processor
 */
export async function identify(session: Session, image: ResolvedImage): Promise<ResolvedImage> {
  const answer = (await recall(session, image)) ?? (await ask(session, image));
  if (answer === undefined) return image;
  const problem = shortcoming(answer, session.spec);
  if (problem === undefined) return { ...image, answer };
  throw unusable(`the image ${image.reference} has ${serverText(answer)}: ${problem}`);
}

async function ask(session: Session, image: ResolvedImage): Promise<Answer | undefined> {
  const { engine } = session;
  const { log, failure } = await runAside(session, image);
  const said = `${failure}\n${log}`;
  const { platform } = await engine.version();
  if (/exec format error/i.test(said)) {
    throw unusable(
      `the image ${image.reference} (${image.platform ?? 'no platform'}) is for another processor than this engine's (${platform})`,
      `docker pull --platform ${platform} ${image.reference}`,
    );
  }
  if (log.includes(NO_SERVER) || /executable file not found|no such file or directory/i.test(failure))
    throw unusable(`the image ${image.reference} has ${NO_SERVER}`);
  const answer = parseAnswer(log);
  // Who can't keep it asks again.
  if (answer !== undefined)
    await replaceFile(keptFile(session, image, platform), JSON.stringify(answer), 0o600).catch(() => undefined);
  return answer;
}

/** Much longer than it takes: an image that starts a server whatever it is asked for is not waited for. */
const LONGEST_MS = 10_000;

/** What it writes, and why it could not be started. */
async function runAside(
  { engine, spec, signal, timeoutMs }: Session,
  { reference, server }: ResolvedImage,
): Promise<{ readonly log: string; readonly failure: string }> {
  // Others may ask at the same time.
  const purpose = `image_${randomBytes(3).toString('hex')}`;
  const definition = beside(spec.name, purpose, { image: reference, command: ['sh', '-c', asking(server)] });
  const { name } = definition;
  await engine.createContainer(definition);
  try {
    await engine.startContainer(name);
    const hasEnded = async (): Promise<boolean> =>
      (await engine.listContainers()).find((one) => one.name === name)?.state !== 'running';
    await poll(hasEnded, Boolean, { signal, timeoutMs: Math.min(timeoutMs, LONGEST_MS) });
    return { log: await readLog(engine, name, 200), failure: '' };
  } catch (error) {
    if (!hasCode(error, 'ENGINE_FAILED')) throw error;
    return { log: '', failure: errorMessage(error) };
  } finally {
    await engine.removeContainer(name);
  }
}

function unusable(problem: string, next = ''): StackError {
  return new StackError('SPEC_INVALID', {
    message: `${problem}; nothing was changed`,
    hint: next || hint`Set redis.image in the YAML file to an image of Redis or Valkey, then: ${run('up')}`,
  });
}

const server = z.enum(['redis', 'valkey']);
const KEPT = z.object({ program: server, name: server, version: z.string(), hasTls: z.boolean() });

/** Of engines on other processors, one may emulate what the other can't run. */
function keptFile({ env }: Pick<Session, 'env'>, { id }: ResolvedImage, platform: string): string {
  return join(cacheFolder(env), 'images', `${`${id} on ${platform}`.replaceAll(/\W/g, '-')}.json`);
}
