import { execFile, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';

interface Step {
  readonly id?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly shell?: string;
  readonly run?: string;
}

interface Action {
  readonly inputs: Readonly<Record<string, { readonly default: string }>>;
  readonly outputs?: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly steps: readonly Step[] };
}

/** A job of GitHub Actions, as far as steps see it. */
export interface Job {
  /** What the workflow's job has checked out. */
  readonly folder: string;
  /** Of the runner's machine; what steps put into GITHUB_ENV is added to it. */
  env: NodeJS.ProcessEnv;
  /** RUNNER_TEMP. */
  readonly temp: string;
  /** Where actions/cache keeps what it is given. */
  readonly cache: string;
}

export interface ActionRun {
  readonly outputs: Readonly<Record<string, string>>;
  /** All that the steps printed, but the runner's commands. */
  readonly log: string;
  readonly masks: readonly string[];
}

/** Runs a composite action as GitHub's runner does. Fails where a step does. */
export function runAction(path: string, job: Job, inputs: Readonly<Record<string, string>>): ActionRun {
  const action = parse(readFileSync(join(path, 'action.yml'), 'utf8')) as Action;
  const values = new Map<string, string>([
    ...Object.entries(action.inputs).map(([name, one]) => [`inputs.${name}`, inputs[name] ?? one.default] as const),
    ['runner.temp', job.temp] as const,
  ]);
  const withValues = (text: string): string =>
    text.replaceAll(/\$\{\{ ([\w.-]+) \}\}/g, (_all, name: string) => {
      const value = values.get(name);
      if (value === undefined) throw new Error(`nothing is known of ${name}`);
      return value;
    });
  let log = '';
  const masks: string[] = [];
  const afterJob: (() => void)[] = [];
  for (const step of action.runs.steps) {
    if (step.uses !== undefined) {
      afterJob.push(restoreCache(withValues(step.with?.['path'] ?? ''), job.cache));
      continue;
    }
    const files = mkdtempSync(join(job.temp, 'step-'));
    const fileOf = (name: string): string => join(files, name);
    for (const name of ['GITHUB_ENV', 'GITHUB_OUTPUT', 'GITHUB_PATH']) writeFileSync(fileOf(name), '');
    writeFileSync(fileOf('script.sh'), withValues(step.run ?? ''));
    const own = Object.entries(step.env ?? {}).map(([name, value]) => [name, withValues(value)]);
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['--noprofile', '--norc', '-e', '-o', 'pipefail', fileOf('script.sh')],
      {
        cwd: job.folder,
        encoding: 'utf8',
        env: {
          ...job.env,
          GITHUB_ACTION_PATH: resolve(path),
          GITHUB_ENV: fileOf('GITHUB_ENV'),
          GITHUB_OUTPUT: fileOf('GITHUB_OUTPUT'),
          GITHUB_PATH: fileOf('GITHUB_PATH'),
          ...Object.fromEntries(own),
        },
      },
    );
    const commands = /^::add-mask::(.*)\n/gm;
    masks.push(...[...stdout.matchAll(commands)].map(([, data = '']) => decodeURIComponent(data)));
    log += `${stdout.replaceAll(commands, '')}${stderr}`;
    if (status !== 0) throw new Error(`a step ended with ${status}: ${step.run}\n${log}`);
    job.env = { ...job.env, ...readRunnerFile(readFileSync(fileOf('GITHUB_ENV'), 'utf8')) };
    const outputs = readRunnerFile(readFileSync(fileOf('GITHUB_OUTPUT'), 'utf8'));
    for (const [name, value] of Object.entries(outputs)) values.set(`steps.${step.id}.outputs.${name}`, value);
  }
  for (const work of afterJob) work();
  const outputs = Object.entries(action.outputs ?? {}).map(([name, { value }]) => [name, withValues(value)]);
  return { outputs: Object.fromEntries(outputs) as Record<string, string>, log, masks };
}

/** What actions/cache does, of one key. @returns what it does after the job */
function restoreCache(path: string, cache: string): () => void {
  if (existsSync(cache)) cpSync(cache, path, { recursive: true });
  return () => {
    if (!existsSync(cache) && existsSync(path)) cpSync(path, cache, { recursive: true });
  };
}

/** What a runner of GitHub Actions reads in the file of GITHUB_ENV or GITHUB_OUTPUT: by its documentation and its rules. */
export function readRunnerFile(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = text.split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [equals, heredoc] = [line.indexOf('='), line.indexOf('<<')];
    if (equals > 0 && (heredoc < 0 || equals < heredoc)) {
      found[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      const end = lines.indexOf(line.slice(heredoc + 2));
      if (heredoc <= 0 || end < 0) throw new Error(`Invalid format '${line}'`);
      found[line.slice(0, heredoc)] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n');
    }
  }
  return found;
}

/** A job that extends one of the hidden jobs of a file for GitLab CI. */
export interface GitLabJob {
  readonly script: readonly string[];
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where the name of a service leads to. */
  readonly hosts: Readonly<Record<string, string>>;
}

/** Runs it as GitLab's runner does: what comes before the script in one shell with it, what comes after in another, always. */
export async function runGitLabJob(file: string, extended: string, job: GitLabJob): Promise<string> {
  const jobs = parse(readFileSync(file, 'utf8')) as Record<string, Record<string, unknown>>;
  const { variables, before_script: before, after_script: after } = jobs[extended] ?? {};
  const env = { ...(variables as NodeJS.ProcessEnv), ...job.env };
  const hosts = join(mkdtempSync(join(job.folder, '.hosts-')), 'hosts');
  const lines = Object.entries(job.hosts).map(([name, address]) => `${address} ${name}\n`);
  writeFileSync(hosts, `127.0.0.1 localhost\n${lines.join('')}`);
  const withHosts = 'mount --bind "$1" /etc/hosts && exec bash -eo pipefail -c "$2"';
  const shell = async (script: readonly string[]): Promise<string> => {
    const args = ['--mount', 'bash', '-c', withHosts, 'bash', hosts, script.join('\n')];
    return (await promisify(execFile)('unshare', args, { cwd: job.folder, env })).stdout;
  };
  try {
    return await shell([...(before as string[]), ...job.script]);
  } finally {
    await shell(after as string[]);
  }
}
