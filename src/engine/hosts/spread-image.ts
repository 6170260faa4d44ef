import { StackError } from '../../errors.ts';
import type { Image } from '../../plan/model/resources.ts';
import type { Member } from './member.ts';

/**
 * Copies an image from a host that has it to those that don't.
 *
 * @throws StackError IMAGE_UNAVAILABLE where hosts have different images under that name, or one can't be given it
 */
export async function spreadImage(
  found: readonly (readonly [Member, Image | undefined])[],
  reference: string,
  onProgress: (text: string) => void,
): Promise<void> {
  const holders = found.filter((one): one is readonly [Member, Image] => one[1] !== undefined);
  const [holder] = holders;
  if (holder === undefined) return;
  const [source, { id }] = holder;
  const other = holders.find(([, image]) => image.id !== id)?.[0];
  const commandOn = ({ engine }: Member): string => `docker -H ${engine.endpoint.address}`;
  if (other !== undefined) {
    throw new StackError('IMAGE_UNAVAILABLE', {
      message: `${reference} is another image on ${other.name} than on ${source.name}; nothing was changed`,
      hint: `${commandOn(source)} save ${reference} | ${commandOn(other)} load   # or pull it on both`,
    });
  }
  await Promise.all(
    found
      .filter(([, image]) => image === undefined)
      .map(async ([target]) => {
        onProgress(`copying from ${source.name} to ${target.name}`);
        const archive = await source.ask((engine) => engine.saveImage(reference));
        await target.ask((engine) => engine.loadImage(reference, archive));
        if ((await target.ask((engine) => engine.findImage(reference)))?.id === id) return;
        throw new StackError('IMAGE_UNAVAILABLE', {
          message: `${reference} could not be copied from ${source.name} to ${target.name}`,
          hint: `${commandOn(target)} pull ${reference}`,
        });
      }),
  );
}
