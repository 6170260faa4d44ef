import { LABELS } from '../model/names.ts';
import type { Present } from './plan-down.ts';

/** What is left of a run whose owner has ended. */
export interface StaleStack {
  readonly name: string;
  /** As the labels say it, see `LABELS.owner`. */
  readonly owners: readonly string[];
  readonly containers: readonly string[];
  readonly networks: readonly string[];
  readonly volumes: readonly string[];
}

/** Whoever is named as an owner of anything. */
export function findOwners(present: Present): string[] {
  return [...new Set(allOf(present).flatMap(({ labels }) => labels[LABELS.owner] ?? []))];
}

/**
 * The stacks of which everything was made for processes that are gone. One thing without an owner, or with one that is
 * still there, and the stack is somebody's: all of it stays.
 */
export function findStaleStacks(present: Present, gone: ReadonlySet<string>): StaleStack[] {
  const isLeft = ({ labels }: Labelled): boolean => gone.has(labels[LABELS.owner] ?? '');
  const names = new Set(allOf(present).flatMap(({ labels }) => labels[LABELS.stack] ?? []));
  return [...names].toSorted().flatMap((name) => {
    const isOf = ({ labels }: Labelled): boolean => labels[LABELS.stack] === name;
    if (!allOf(present).filter(isOf).every(isLeft)) return [];
    const namesOf = (things: readonly Labelled[]): string[] => things.filter(isOf).map((thing) => thing.name);
    return {
      name,
      owners: [
        ...new Set(
          allOf(present)
            .filter(isOf)
            .flatMap(({ labels }) => labels[LABELS.owner] ?? []),
        ),
      ],
      containers: namesOf(present.containers),
      networks: namesOf(present.networks),
      volumes: namesOf(present.volumes),
    };
  });
}

interface Labelled {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

function allOf({ containers, networks, volumes }: Present): Labelled[] {
  return [...containers, ...networks, ...volumes];
}
