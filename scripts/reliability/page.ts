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
- What was changed by hand is shown by \`plan\` with its cause, and repaired by \`up\`: while the node runs where that can be
  done, else one node at a time, replicas first, each primary after a replica of it has taken over.
- A key that was written stays, whatever is killed, restarted or recreated, within what Redis itself promises.
- \`doctor\` names what stands in the way, with the next command.

## A fault at each call

A proxy stands before the engine's socket, another before each Redis, and number every call that changes something. A
run meets the fault at one of them; the same command is run again, and has to end with 0, with 16384 slots, nothing
left over and no key lost. A third run has to make no call. \`killed\` is SIGKILL of the program; an error is HTTP 500 or
an error of Redis in the place of the call; a stall lasts 5 s.

${sweepTable(sweeps)}

## Rounds

What each story does is said in its file in test/reliability.

${storyTable(others)}

Measured on: ${[...new Set(all.map(({ machine }) => machine))].join('; ')}.

## What Redis does not promise

- Three primaries without replicas have no failover: while one of them is away, its slots are not served
  (\`cluster_state\` stays \`ok\` for the others with \`requireFullCoverage: false\`, the default).
- Replication is asynchronous: a write that was acknowledged, and had not reached the replica when its primary died, is
  lost when the replica takes over. \`WAIT\` narrows that, and does not close it. A primary that hands over in order
  (\`cluster failover\`, \`restart --rolling\`, \`up\`) loses nothing.
- With \`appendfsync: everysec\`, the default, the last second of writes is lost when the machine or the node's process
  dies. \`always\` costs speed.
- A node whose volume is gone has lost its keys, unless a replica has them.
- Redis 7.0.13 to 7.0.15 and 7.2.0 to 7.2.3 may take back a slot that \`CLUSTER SETSLOT\` has just moved, and delete its
  keys. What moves slots here keeps them from it (\`src/redis/slots/renew-claims.ts\`); what else does may not.
`;
}

/** One row a scenario, one column a fault: how many of the points that were tried came to their end. */
function sweepTable(sweeps: readonly Measured[]): string {
  if (sweeps.length === 0) return 'Not measured yet.';
  const faults = [...new Set(sweeps.map(({ figures }) => String(figures['fault'])))];
  const scenarios = [...new Set(sweeps.map(({ figures }) => String(figures['scenario'])))];
  const rows = scenarios.map((scenario) => {
    const ofScenario = sweeps.filter(({ figures }) => figures['scenario'] === scenario);
    const cells = faults.map((fault) => {
      const found = ofScenario.find(({ figures }) => figures['fault'] === fault)?.figures;
      return found === undefined ? '' : `${found['converged']} of ${found['points']}`;
    });
    return row([scenario, String(ofScenario[0]?.figures['calls'] ?? ''), ...cells, takenOn(ofScenario)]);
  });
  const sum = (name: string): number => sweeps.reduce((total, { figures }) => total + Number(figures[name] ?? 0), 0);
  return [
    row(['command', 'calls', ...faults, 'run']),
    row(['---', '---', ...faults.map(() => '---'), '---']),
    ...rows,
    '',
    `Together: ${sum('points')} points tried, ${sum('converged')} came to their end.`,
  ].join('\n');
}

function storyTable(stories: readonly Measured[]): string {
  const rows = stories.map((measured) => {
    const figures = Object.entries(measured.figures).map(([name, value]) => `${words(name)}: ${shown(name, value)}`);
    return row([measured.story, figures.join('<br>'), takenOn([measured])]);
  });
  return [row(['story', 'measured', 'run']), row(['---', '---', '---']), ...rows].join('\n');
}

/** Each story is of the commit that it was run on last. */
function takenOn(all: readonly Measured[]): string {
  return [...new Set(all.map(({ date, commit }) => `${date}, ${commit}`))].join('; ');
}

/** `slowestReactionMs` → `slowest reaction` */
function words(name: string): string {
  return name
    .replace(/Ms$|Seconds$|Bytes(?=$|[A-Z])/, '')
    .replaceAll(/([a-z])([A-Z0-9])/g, '$1 $2')
    .toLowerCase();
}

function shown(name: string, value: number | string): string {
  if (typeof value === 'string') return value;
  if (name.endsWith('Ms')) return value >= 1000 ? `${(value / 1000).toFixed(1)} s` : `${value} ms`;
  if (name.endsWith('Seconds')) return `${value} s`;
  if (!name.includes('Bytes')) return String(value);
  return value < 1024 ** 2 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1024 ** 2).toFixed(1)} MiB`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
