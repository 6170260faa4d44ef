import { textOf, wrongValue, type Command } from '../core/command.ts';
import { run } from '../../hint.ts';

const PROGRAM = 'redis-cluster';
const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const completion: Command = {
  name: 'completion',
  operands: `<${SHELLS.join('|')}>`,
  summary: 'print what completes commands, options and node names in your shell',
  options: { '--name <word>': `what you type for this program: a command or a function (default: ${PROGRAM})` },
  explanation: `In ~/.bashrc:                  source <($0 completion bash)
In ~/.zshrc, behind compinit:  source <($0 completion zsh)
In ~/.config/fish/config.fish: $0 completion fish | source
The shell then asks ${PROGRAM} itself. Where your PATH has none, make a function of that name first.`,
  run: async ({ operands: [typed = ''], options }) => {
    const shell = SHELLS.find((one) => one === typed);
    const name = textOf(options, 'name') ?? PROGRAM;
    if (shell === undefined) throw wrongValue('completion', 'bash, zsh or fish', typed, run('completion bash'));
    // It becomes a part of the script.
    if (!/^[\w.-]+$/.test(name))
      throw wrongValue('--name', 'one word of letters and digits', name, run('completion bash --name rc'));
    const text = shell === 'bash' ? bashScript(name) : await libraryScript(shell, name);
    return { data: { shell, script: text }, show: ({ line }) => line(text) };
  },
};

/* oxlint-disable no-console -- the library prints its script, and gives it in no other way */
async function libraryScript(shell: 'zsh' | 'fish', name: string): Promise<string> {
  const { script } = await import('@bomb.sh/tab');
  const { log } = console;
  let text = '';
  console.log = (printed: unknown) => (text += String(printed));
  try {
    script(shell, name, name);
  } finally {
    console.log = log;
  }
  return text;
}
/* oxlint-enable no-console */

/**
 * Not the library's: that needs the package bash-completion, and evaluates what was typed. With `env > FILE` on the line,
 * Tab would empty FILE.
 */
function bashScript(name: string): string {
  const complete = `__${name.replaceAll(/\W/g, '_')}_complete`;
  return `# bash completion for ${name}
${complete}() {
  local line files=
  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :0) files=yes ;;
      :*) ;;
      *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
    esac
  done < <(${name} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  # bash 3 has no compopt; it then offers files where nothing else is to be had.
  if [ -z "$files" ]; then compopt +o default 2>/dev/null; fi
}
complete -o default -F ${complete} ${name}`;
}
