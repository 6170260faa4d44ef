import { loadProgram } from './src/launch.ts';

void loadProgram(__dirname).then(({ start }) => start(process, { program: 'npx tsx manage.ts', checkout: __dirname }));
