/** What one story measured, as `record` in test/helpers/reliability-record.ts writes it. */
export interface Story {
  readonly story: string;
  readonly figures: Readonly<Record<string, number | string>>;
}

export interface Measured extends Story {
  /** `2026-11-22` */
  readonly date: string;
  readonly commit: string;
  readonly machine: string;
}

/** docs/reliability.md: what is promised, what was measured of it, and what nobody can promise. */
export function reliabilityPage(all: readonly Measured[]): string {
  const sweeps = all.filter(({ story }) => story === 'sweep');
  const others = all.filter(({ story }) => story !== 'sweep');
  return `# Reliability

This page is made by \`npm run reliability\` from what it measured (docs/reliability.json). The default test suite
tells the same stories with fewer rounds.

## What is promised

- Any command may be killed at any moment, and run again: it goes on from where things are. Nobody has to remove
  anything by hand.
- Commands that change the stack may be run at the same time: one works, the others wait, or end with \`LOCKED\`. A dead
  process holds nothing.
- Ctrl-C and SIGTERM end a command with 130 and 143; a second one at once.
- An engine that is restarted in the middle of a command is waited for, as long as \`--timeout\` says; then
  \`ENGINE_UNREACHABLE\`. One that nobody ever answered at is an error at once.
- What was changed by hand is shown by \`plan\` with its cause, and mended by \`up\`: while the node runs where that can be
  done, else one node at a time, replicas first, each primary after a replica of it has taken over.
- A key that was written stays, whatever is killed, restarted or made anew, within what Redis itself promises.
- \`doctor\` names what stands in the way, with the next command.

## A fault at each call

A proxy stands before the engine's socket, another before each Redis, and number every call that changes something. A
run meets the fault at one of them; the same command is run again, and has to end with 0, with 16384 slots, nothing
left over and no key lost. A third run has to make no call. \`killed\` is SIGKILL of the program; an error is HTTP 500 or
an error of Redis in the place of the call; a stall lasts 5 s.

${sweepTable(sweeps)}

## Rounds

${others.map(storyText).join('\n\n')}

## What Redis does not promise

- Three primaries without replicas have no failover: while one of them is away, its slots are not served
  (\`cluster_state\` stays \`ok\` for the others with \`requireFullCoverage: false\`, the default).
- Replication is asynchronous: a write that was acknowledged, and had not reached the replica when its primary died, is
  lost when the replica takes over. \`WAIT\` narrows that, and does not close it. A primary that hands over in order
  (\`cluster failover\`, \`restart --rolling\`, \`up\`) loses nothing.
- With \`appendfsync: everysec\`, the default, the last second of writes is lost when the machine or the node's process
  dies. \`always\` costs speed.
- A node whose volume is gone has lost its keys, unless a replica has them.
`;
}

/** One row a scenario, one column a fault: how many of the points that were tried came to their end. */
function sweepTable(sweeps: readonly Measured[]): string {
  if (sweeps.length === 0) return 'Not measured yet.';
  const scenarios = [...new Set(sweeps.map(({ figures }) => String(figures['scenario'])))];
  const faults = [...new Set(sweeps.map(({ figures }) => String(figures['fault'])))];
  const cell = (scenario: string, fault: string): string => {
    const found = sweeps.find(({ figures }) => figures['scenario'] === scenario && figures['fault'] === fault);
    return found === undefined ? '' : `${found.figures['converged']} of ${found.figures['points']}`;
  };
  const calls = (scenario: string): string =>
    String(sweeps.find(({ figures }) => figures['scenario'] === scenario)?.figures['calls'] ?? '');
  const sum = (name: string): number => sweeps.reduce((total, { figures }) => total + Number(figures[name] ?? 0), 0);
  return [
    row(['command', 'calls', ...faults]),
    row(['---', '---', ...faults.map(() => '---')]),
    ...scenarios.map((scenario) => row([scenario, calls(scenario), ...faults.map((fault) => cell(scenario, fault))])),
    '',
    `Together: ${sum('points')} points tried, ${sum('converged')} came to their end. ${takenOn(sweeps)}`,
  ].join('\n');
}

function storyText(measured: Measured): string {
  const figures = Object.entries(measured.figures).map(([name, value]) => row([words(name), shown(name, value)]));
  return [
    `**${measured.story}** (${takenOn([measured])})`,
    '',
    row(['figure', '']),
    row(['---', '---']),
    ...figures,
  ].join('\n');
}

function takenOn(all: readonly Measured[]): string {
  const texts = new Set(all.map(({ date, commit, machine }) => `${date}, ${commit}, ${machine}`));
  return [...texts].join('; ');
}

/** `slowestReactionMs` → `slowest reaction` */
function words(name: string): string {
  return name
    .replace(/(Ms|Bytes|Seconds)$/, '')
    .replaceAll(/([a-z])([A-Z0-9])/g, '$1 $2')
    .toLowerCase();
}

function shown(name: string, value: number | string): string {
  if (typeof value === 'string') return value;
  if (name.endsWith('Ms')) return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value} ms`;
  if (name.endsWith('Seconds')) return `${value} s`;
  return /Bytes/.test(name) ? `${(value / 1024 ** 2).toFixed(2)} MiB` : String(value);
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
