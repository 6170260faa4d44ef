import type { Command } from '../core/command.ts';
import { bytesText } from '../../units.ts';

export const imageBuild: Command = {
  name: 'image build',
  summary: 'build a small local Redis image from the packages of this Debian or Ubuntu, without a registry',
  run: async ({ openEngine, terminal: { stderr } }) => {
    const engine = await openEngine();
    const { buildLocalImage } = await import('../../stack/commands/image-build.ts');
    const { reference, bytes } = await buildLocalImage(engine, (text) => stderr.write(`image: ${text}\n`));
    return {
      data: { reference, bytes },
      show: ({ good }) => good(`${reference} is on the engine, ${bytesText(bytes)}`),
    };
  },
};
