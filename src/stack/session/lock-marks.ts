import { randomBytes } from 'node:crypto';
import type { Engine } from '../../engine/engine.ts';
import { StackError, type FailureCode } from '../../errors.ts';
import { accountName, fateOf, holdingOwner } from '../../host/owner.ts';
import { LABELS } from '../../plan/model/names.ts';
import type { Volume } from '../../plan/model/resources.ts';
import { durationText } from '../../units.ts';
import type { Holder, LockMedium } from './stack-lock.ts';

export interface Rhythm {
  /** How often a holder shows that it is there. */
  readonly beatMs: number;
  /** Who has shown nothing for so long is taken for dead. A host that dies keeps the others' answers for some seconds. */
  readonly patienceMs: number;
}

const USUAL: Rhythm = { beatMs: 3000, patienceMs: 15_000 };
/** A look is a call to each host, and a login over ssh. */
const PACE = { min: 250, max: 500, randomize: true };

/** All else that keeps an engine from it, a full disk, keeps nobody from working. */
const UNRESPONSIVE: ReadonlySet<FailureCode> = new Set(['ENGINE_UNREACHABLE', 'INTERRUPTED', 'TERMINATED']);

/**
 * A lock that operators on different machines see: each puts a mark on all hosts that it reaches, so that any two of them
 * meet on one. A holder puts a next mark in the place of its last one every few seconds. Who waits sees that by its own
 * clock, and removes the marks of one that has stopped; each has a name of its own, so that nobody removes another's by
 * mistake.
 */
export async function lockMarks(engine: Engine, stack: string, { beatMs, patienceMs } = USUAL): Promise<LockMedium> {
  const own = randomBytes(6).toString('hex');
  const process = await holdingOwner();
  const seen = new Map<string, { readonly marks: string; readonly sinceMs: number }>();
  let labels: Record<string, string> = {};
  let count = 1;
  let beatAt = 0;
  let hosts: readonly string[] = [];
  /** Own marks of which it isn't certain that they are gone. */
  const placed = new Set<string>();
  const nameOf = (number: number): string => `${stack}_lock-${own}-${number}`;
  const isOwn = ({ name }: Volume): boolean => ownerOf(name) === own;

  const put = async (name: string): Promise<void> => {
    placed.add(name);
    hosts = await engine.putMark({ name, labels });
  };
  const remove = async (name: string): Promise<void> => {
    await engine.removeMark(name);
    placed.delete(name);
  };

  /** It has been seen so for longer than anybody alive stays so, or its process was here and has ended. */
  const isDead = async (id: string, marks: readonly Volume[]): Promise<boolean> => {
    const shown = [...new Set(marks.map(({ name }) => name))].toSorted().join();
    const before = seen.get(id);
    const now = performance.now();
    if (before?.marks !== shown) seen.set(id, { marks: shown, sinceMs: now });
    else if (now - before.sinceMs > patienceMs) return true;
    return (await fateOf(marks[0]?.labels[LABELS.process] ?? '', { isHere: false })) === 'gone';
  };
  /** @returns who has taken it over */
  const beat = async (): Promise<Holder | undefined> => {
    const [before, marked] = [nameOf(count), hosts];
    await put(nameOf(count + 1));
    count += 1;
    const marks = await engine.listMarks(stack);
    // The next mark first, then the look: of two that are quick, one at least sees the other.
    const taker = marks.find(
      (mark) => !isOwn(mark) && marked.includes(mark.host ?? '') && !marks.some((one) => isAt(one, before, mark.host)),
    );
    if (taker !== undefined) return holderOf(taker);
    await remove(before);
    beatAt = Date.now();
    return undefined;
  };
  let beating: Promise<Holder | undefined> | undefined;
  const beatOnce = (): Promise<Holder | undefined> =>
    (beating ??= beat().finally(() => {
      beating = undefined;
    }));

  return {
    pace: PACE,
    findOther: async (isSweeping = true) => {
      const others = (await engine.listMarks(stack)).filter((mark) => !isOwn(mark));
      for (const id of new Set(others.map(({ name }) => ownerOf(name)))) {
        const marks = others.filter(({ name }) => ownerOf(name) === id);
        if (!(await isDead(id, marks))) return holderOf(marks[0]);
        if (isSweeping)
          await Promise.all([...new Set(marks.map(({ name }) => name))].map((name) => engine.removeMark(name)));
      }
      return undefined;
    },
    announce: async (doing) => {
      const since = new Date().toISOString();
      labels = { [LABELS.lock]: stack, [LABELS.holder]: `${doing} of ${accountName()}`, [LABELS.process]: process };
      labels = { ...labels, [LABELS.since]: since };
      try {
        await put(nameOf(count));
        beatAt = Date.now();
        return undefined;
      } catch (error) {
        if (!(error instanceof StackError) || UNRESPONSIVE.has(error.code)) throw error;
        return { why: error.message, hint: error.hint ?? '' };
      }
    },
    withdraw: async () => {
      await beating?.catch(() => undefined);
      await Promise.allSettled([...placed].map(remove));
    },
    life: {
      beatMs,
      beat: beatOnce,
      // By the clock on the wall: a machine that sleeps stops the other one.
      isDoubtful: () => Math.abs(Date.now() - beatAt) > 2 * beatMs,
    },
  };

  function holderOf(mark: Volume | undefined): Holder {
    const said = mark?.labels ?? {};
    const since = said[LABELS.since] ?? '';
    const end = `one that was killed loses it within ${durationText(patienceMs)}`;
    return {
      text: `${said[LABELS.holder] ?? 'somebody'} (since ${since.slice(11, 19)} UTC)`,
      hint: `Wait for it, or end it there with Ctrl-C: ${end}.`,
    };
  }
}

function ownerOf(name: string): string {
  return /_lock-([0-9a-f]+)-\d+$/.exec(name)?.[1] ?? name;
}

function isAt({ name, host }: Volume, wanted: string, place: string | undefined): boolean {
  return name === wanted && host === place;
}
