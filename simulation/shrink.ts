import { type Case, isCounted } from './case.ts';

/** Plays that a shrinking may take in all. */
const PLAYS_MAX = 300;

/**
 * Takes away from a case what it does not need to fail: strikes, troubles and commands one by one, then whatever makes it
 * more than the plainest release. The answer still fails, and nothing more can be taken from it alone.
 * @param strikes ids of what struck when it failed
 */
export async function shrink(
  failing: Case,
  strikes: readonly string[],
  fails: (it: Case) => Promise<boolean>,
): Promise<Case> {
  let plays = 0;
  let best: Case = { ...failing, only: [...strikes] };
  const isTaken = async (smaller: Case): Promise<boolean> => {
    if (plays++ >= PLAYS_MAX || !(await fails(smaller))) return false;
    best = smaller;
    return true;
  };
  if (!(await fails(best))) return failing;
  for (let before: Case | undefined; before !== best; ) {
    before = best;
    for (const part of ['only', 'troubles', 'commands'] as const) await withoutMost(part);
    for (const plainer of PLAINER) {
      const smaller = plainer(best);
      if (smaller !== undefined) await isTaken(smaller);
    }
  }
  return best;

  /** Leaves out halves, then quarters, and in the end each by itself. */
  async function withoutMost(part: 'only' | 'troubles' | 'commands'): Promise<void> {
    for (
      let size = Math.ceil((best[part]?.length ?? 0) / 2);
      size >= 1;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    )
      for (let from = 0; from < (best[part]?.length ?? 0); ) {
        const left = (best[part] as unknown[]).toSpliced(from, size);
        if (!(await isTaken({ ...best, [part]: left }))) from += size;
      }
  }
}

/** Each answers the case with one thing less, or undefined if there is nothing to take. */
const PLAINER: ((it: Case) => Case | undefined)[] = [
  (it) => (it.release.kind === 'good' ? undefined : { ...it, release: { kind: 'good' } }),
  (it) => (it.weather === undefined ? undefined : { ...it, weather: undefined }),
  (it) => (it.history === undefined ? undefined : { ...it, history: undefined }),
  (it) => ('recall' in it.file ? { ...it, file: without(it.file, 'recall') } : undefined),
  (it) => (it.reporting === undefined ? undefined : withoutPart(it, 'reporting')),
  (it) => (it.targets === 1 ? undefined : oneTarget(it)),
  (it) => (it.hasSite === true ? withoutPart(it, 'hasSite') : undefined),
  (it) => (it.hook === undefined ? undefined : withoutPart(it, 'hook')),
  (it) => (it.isIrreversible === true ? withoutPart(it, 'isIrreversible') : undefined),
  (it) => (it.isZip === true ? withoutPart(it, 'isZip') : undefined),
  (it) => (it.alarm === undefined ? undefined : plainAlarm(it)),
  (it) => ('hooks' in it.file ? { ...it, file: without(it.file, 'hooks') } : undefined),
  (it) => ('probe' in it.file ? { ...it, file: without(without(it.file, 'probe'), 'smoke') } : undefined),
  (it) => (isCounted(it) && !isLosing(it) ? { ...it, file: without(it.file, 'watch') } : undefined),
  (it) => ('holdout' in it.file ? { ...it, file: without(it.file, 'holdout') } : undefined),
  (it) => ('recall' in it.file ? { ...it, file: without(it.file, 'recall') } : undefined),
  (it) => ('dlqNew' in limitsOf(it) ? withoutLimit(it, 'dlqNew') : undefined),
  (it) => ('oldestMessage' in limitsOf(it) ? withoutLimit(it, 'oldestMessage') : undefined),
  (it) => ('gates' in it.file ? { ...it, file: without(it.file, 'gates') } : undefined),
  (it) => (stepsOf(it).length > 1 ? withSteps(it, stepsOf(it).slice(0, -1)) : undefined),
  (it) => (stepsOf(it).length > 1 ? withSteps(it, stepsOf(it).slice(1)) : undefined),
  (it) => (it.file.verify === '0m' ? undefined : { ...it, file: { ...it.file, verify: '0m' } }),
  (it) =>
    it.file.onInconclusive === 'pause' ? undefined : { ...it, file: { ...it.file, onInconclusive: 'pause' } },
  (it) => (it.requestsPerSecond === 50 ? undefined : { ...it, requestsPerSecond: 50 }),
];

/** Whether nothing but the count of orders shows what this release does. */
const isLosing = ({ release }: Case): boolean => 'as' in release && release.as === 'lost';

const without = (file: Case['file'], key: string): Case['file'] => {
  const { [key]: _, ...rest } = file;
  return rest;
};

function withoutPart(it: Case, part: 'hasSite' | 'hook' | 'isIrreversible' | 'isZip' | 'reporting'): Case {
  const { [part]: _, ...rest } = it;
  return rest;
}

function oneTarget(it: Case): Case {
  const { api } = it.file.targets as Record<string, unknown>;
  return { ...it, targets: 1, file: { ...it.file, targets: { api } } };
}

const limitsOf = ({ file }: Case): Record<string, unknown> => Object(file.limits);
const withoutLimit = (it: Case, limit: string): Case => ({
  ...it,
  file: { ...it.file, limits: without(limitsOf(it), limit) },
});

function plainAlarm({ alarm: _, ...it }: Case): Case {
  return { ...it, file: without(it.file, 'alarms') };
}

const stepsOf = ({ file }: Case): unknown[] => (Array.isArray(file.steps) ? file.steps : []);
const withSteps = (it: Case, steps: unknown[]): Case => ({ ...it, file: { ...it.file, steps } });
