import type { Command } from '../core/command.ts';

export const imageBuild: Command = {
  name: 'image build',
  summary: 'make a small local Redis image from the packages of this Debian or Ubuntu, without a registry',
  run: async ({ openEngine, terminal, json }) => {
    const engine = await openEngine();
    const { buildLocalImage } = await import('../../stack/commands/image-build.ts');
    const { reference, bytes } = await buildLocalImage(engine, (text) => terminal.stderr.write(`image: ${text}\n`));
    const megabytes = Math.round(bytes / 1e6);
    terminal.stdout.write(
      json ? `${JSON.stringify({ reference, bytes })}\n` : `✓ ${reference} is on the engine, ${megabytes} MB\n`,
    );
    return 0;
  },
};
