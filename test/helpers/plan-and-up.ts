import type { Outcome } from './test-stack.ts';

/** What `plan` foretold and what `up` then did, where they differ: nothing else of either can be taken at its word. */
export function findDifferences(plan: Outcome, up: Outcome): string[] {
  const [now = '', then = ''] = plan.stdout.split('Then:\n');
  const [planned, later, done] = [actionsIn(now), actionsIn(then), actionsIn(up.stderr)];
  // Actions of one round don't wait for each other.
  const first = done.slice(0, planned.length).toSorted();
  const rest = done.slice(planned.length);
  const mayFollow = plan.stdout.includes('More may follow');
  return [
    ...differences('plan', planned.toSorted(), 'the first round of up', first),
    ...later.filter((line) => !rest.includes(line)).map((line) => `plan: then ${line}; up: ${rest.join('; ')}`),
    ...(mayFollow ? [] : rest.filter((line) => !later.includes(line)).map((line) => `up did more: ${line}`)),
  ];
}

/** Where `up` fails: nothing that `plan` didn't say was done, and what `plan` says is in the way is what `up` says. */
export function findUnforetold(plan: Outcome, up: Outcome): string[] {
  const planned = actionsIn(plan.stdout);
  const conflict = /^✗ (.+) \[\w+\]$/m.exec(plan.stdout)?.[1];
  return [
    ...actionsIn(up.stderr)
      .filter((line) => !planned.includes(line))
      .map((line) => `up did more: ${line}`),
    ...(conflict === undefined || up.stderr.includes(conflict) ? [] : [`plan: ${conflict}; up: ${up.stderr}`]),
  ];
}

/** `~ start container dev-redis-1  (it is exited)` of `plan`, and `✓ start container …` of `up`: without what stands first. */
function actionsIn(text: string): string[] {
  return [...text.matchAll(/^[+~!✓-] (.+ {2}\(.+\))$/gm)].map(([, action = '']) => action);
}

function differences(one: string, left: readonly string[], other: string, right: readonly string[]): string[] {
  return [
    ...left.filter((line) => !right.includes(line)).map((line) => `only ${one}: ${line}`),
    ...right.filter((line) => !left.includes(line)).map((line) => `only ${other}: ${line}`),
  ];
}
