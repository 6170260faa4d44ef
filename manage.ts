import { loadProgram } from './src/launch.ts';

void loadProgram(__dirname).then(({ start }) => start(process, __dirname, 'npx tsx manage.ts'));
