import { appendFile, readFile } from 'node:fs/promises';
import { errorMessage, StackError } from '../../errors.ts';
import { run } from '../../hint.ts';
import type { Secret } from '../../secret.ts';
import { countText } from '../../units.ts';
import { textOf, wrongValue, type Command, type OptionValues } from '../core/command.ts';
import type { Outcome } from '../core/output.ts';
import { writeBlock } from './env/block.ts';
import { FORMATS, maskCommand, render, type Format, type Variables } from './env/formats.ts';

export const env: Command = {
  name: 'env',
  summary: 'print what an application needs to connect, or write it into a file',
  options: {
    '--format <dotenv|shell|json|docker|github>':
      'docker is for its --env-file, github goes into GITHUB_ENV (default: dotenv)',
    '--write <file>': 'into a marked block of this file, .env for example; its other lines stay',
    '--map': 'the published ports and the map to them, also where clients need none',
    '--reveal': 'the password itself instead of the path of its file',
  },
  run: async ({ openSession, options, json, terminal }) => {
    const format = parseFormat(options['format']);
    const file = textOf(options, 'write');
    if (file !== undefined && (format === 'json' || format === 'github')) {
      throw wrongValue('--write', 'the format dotenv, shell or docker', format);
    }
    const runnerFile = format === 'github' ? requireRunner(terminal.env, json) : undefined;
    const session = await openSession({ secret: true });
    const [{ connectionVariables, readConnection }, { findReach, REACH_TEXT }] = await Promise.all([
      import('../../stack/connect/connection.ts'),
      import('../../stack/connect/host-address.ts'),
    ]);
    const reach = options['map'] === true ? 'map' : await findReach(session);
    const info = await readConnection(session, reach);
    session.report({ subject: 'reach', state: 'done', text: REACH_TEXT[reach] });
    const isRevealed = options['reveal'] === true;
    const variables = connectionVariables(info, { reveal: isRevealed });
    if (runnerFile !== undefined) return intoRunner(runnerFile, variables, info.password);
    if (file === undefined) return { data: variables, show: ({ line }) => line(render(variables, format, isRevealed)) };
    const isChanged = await writeBlock(file, render(variables, format, isRevealed), isRevealed);
    const count = countText(Object.keys(variables).length, 'variable');
    return {
      data: { file, changed: isChanged },
      show: ({ good }) => good(`${file} has ${count}${isChanged ? '' : ': nothing to do'}`),
    };
  },
};

/** @throws StackError USAGE where no runner of GitHub Actions reads what is written */
function requireRunner({ GITHUB_ENV }: NodeJS.ProcessEnv, json: boolean): string {
  if (GITHUB_ENV && !json) return GITHUB_ENV;
  throw new StackError('USAGE', {
    message: json
      ? '--format github tells the runner on stdout what to mask, which --json keeps for JSON'
      : "--format github writes into the file that GITHUB_ENV names, and that isn't set: this is no step of GitHub Actions",
    hint: run('env --format json'),
  });
}

/** The runner takes variables from a file, and from stdout what no log may show: the password, whoever reads its file later. */
async function intoRunner(file: string, variables: Variables, password: Secret): Promise<Outcome> {
  await appendLines(file, render(variables, 'github'));
  return {
    data: {},
    show: ({ line, good }) => {
      line(maskCommand(password.reveal()));
      good(`the next steps have ${Object.keys(variables).join(', ')}`);
    },
  };
}

async function appendLines(file: string, text: string): Promise<void> {
  try {
    const before = await readFile(file, 'utf8');
    await appendFile(file, `${before === '' || before.endsWith('\n') ? '' : '\n'}${text}\n`);
  } catch (error) {
    throw new StackError('USAGE', {
      message: `${file}, which GITHUB_ENV names, can't be written: ${errorMessage(error)}`,
      hint: run('env --format json'),
      cause: error,
    });
  }
}

function parseFormat(value: OptionValues[string]): Format {
  const format = value === undefined ? 'dotenv' : FORMATS.find((one) => one === value);
  if (format !== undefined) return format;
  throw wrongValue('--format', FORMATS.join(', '), value);
}
