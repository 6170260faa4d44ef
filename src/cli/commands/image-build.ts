import { LOCAL_IMAGE } from '../../plan/model/names.ts';
import { bytesText } from '../../units.ts';
import type { Command } from '../core/command.ts';

export const imageBuild: Command = {
  name: 'image build',
  isReport: true,
  summary: 'build a small local Redis image from the packages of this Debian or Ubuntu, without a registry',
  run: async ({ openEngine, terminal: { stderr }, quiet }) => {
    const engine = await openEngine();
    const { buildRootFileSystem, imageSettings } = await import('../../image/debian-root-fs.ts');
    const onProgress = (text: string): void => {
      if (!quiet) stderr.write(`image: ${text}\n`);
    };
    const rootFileSystem = await buildRootFileSystem(onProgress);
    onProgress('importing');
    await engine.importImage(LOCAL_IMAGE, rootFileSystem, imageSettings());
    return {
      data: { reference: LOCAL_IMAGE, bytes: rootFileSystem.length },
      show: ({ good }) => good(`${LOCAL_IMAGE} is on the engine, ${bytesText(rootFileSystem.length)}`),
    };
  },
};
