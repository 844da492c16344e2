import { ALPHA } from '../../core/analysis/evidence.ts';
import { type Instant, WINDOW_MS } from '../../core/units.ts';
import { type PlanName, SCHEDULES } from './driver.ts';
import type { Expected, Minute, World } from './world.ts';

/** Watches a rollout: `see` gets all minutes as they read now, the newest last, and says whether to revert the release. */
export interface Watcher<M = { c: number; nc: number }> {
  see(minutes: readonly M[]): boolean;
}

/** Share of bad requests of the alarm, and of the success rates that Argo and Flagger are configured to keep (99 %). */
const THRESHOLD = 0.01;

/** A CloudWatch alarm on the canary's error rate: `needed` of the newest `of` datapoints; a minute without traffic is not breaching. */
export const alarm =
  (needed: number, of: number): (() => Watcher) =>
  () => ({
    see: (minutes) => minutes.slice(-of).filter(({ c, nc }) => c > THRESHOLD * nc).length >= needed,
  });

/** Checks of a success rate of 99 % that are added up; `isSilenceFailed` says what a minute without traffic is. */
const checks =
  (failedMost: number, isSilenceFailed: boolean): (() => Watcher) =>
  () => {
    let failed = 0;
    return {
      see(minutes) {
        const { c = 0, nc = 0 } = minutes.at(-1) ?? {};
        if (nc === 0 ? isSilenceFailed : c > THRESHOLD * nc) failed += 1;
        return failed > failedMost;
      },
    };
  };

/** Flagger with threshold 5. */
export const flagger = checks(4, true);

/** Argo Rollouts with failureLimit 3. */
export const argo = checks(3, false);

/** A minute of which everything is known, and the requests of an older one that timed out since. */
type Expectation = Minute & Expected & { timedOut: number };

/**
 * The fastest watcher there is: it knows of each minute how many requests of the canary are to fail and to succeed, with the
 * fault and without it, and so needs no control and fears no weather (Wald 1945). Nobody can have it.
 */
function oracle(): Watcher<Expectation> {
  let evidence = 0;
  return {
    see(minutes) {
      const last = minutes.at(-1);
      if (last === undefined) return false;
      const { c, nc, bad, good, badIfGood, goodIfGood, timedOut } = last;
      // Nothing times out but by the fault.
      if (timedOut > 0) evidence = Number.POSITIVE_INFINITY;
      evidence += likelier(c, bad, badIfGood) + likelier(nc - c, good, goodIfGood);
      return evidence >= -Math.log(ALPHA);
    },
  };
}

/** How much likelier a Poisson count is with one mean than with another, as a logarithm. */
function likelier(count: number, mean: number, other: number): number {
  if (mean === other) return 0;
  return (count === 0 ? 0 : count * Math.log(mean / other)) - (mean - other);
}

/** Who watches the same plan in the same weather. */
export const PEERS = { alarm: alarm(2, 3), Argo: argo, Flagger: flagger };

/** The name of a peer; the oracle knows what nobody can. */
export type PeerName = keyof typeof PEERS | 'oracle';

/** What one watcher did. */
export interface Watched {
  /** Undefined if it never reverted. */
  revertedAt?: Instant | undefined;
  /** Requests that failed because of the release until then. */
  failed: number;
}

/**
 * Plays the plan with verify as its last step, with nobody but the clock to raise it, and says when each peer would have reverted
 * it. One draw serves all: until its revert each sees the same weights. They look when another minute has settled, as Spillway does.
 */
export function watch(
  world: World,
  { plan, opened, settleMs, until }: { plan: PlanName; opened: Instant; settleMs: number; until: Instant },
): Record<PeerName, Watched> {
  const began = opened + 1_000;
  const first = Math.floor(began / WINDOW_MS) * WINDOW_MS;
  const schedule = SCHEDULES[plan];
  const moves = new Map<Instant, number>();
  let end = began;
  for (const { weight, minutes } of schedule) {
    moves.set(end, weight);
    end += minutes * WINDOW_MS;
  }
  const watchers = { ...PEERS, oracle } as Record<PeerName, () => Watcher<Expectation>>;
  const found: Partial<Record<PeerName, Watched>> = {};
  const each = Object.entries(watchers).map(([name, make]) => [name as PeerName, make()] as const);
  /** Each minute at its own look, and those that could be read by then. */
  const atOnce: Expectation[] = [];
  const shown: Expectation[] = [];
  const moving = [...moves];
  for (let start = first; start <= end; start += WINDOW_MS) {
    const look = start + WINDOW_MS + settleMs;
    while ((moving[0]?.[0] ?? Number.POSITIVE_INFINITY) < look) {
      const [at, weight] = moving.shift() as [Instant, number];
      world.move(at, weight / 100);
      if (weight === 100) world.promote(at);
    }
    world.advance(look);
    const timedOut = world.timedOut(look);
    const read = (minute: Instant) => ({
      ...world.minute(minute, look),
      ...world.expected(minute),
      timedOut,
    });
    atOnce.push(read(start));
    const due = first + shown.length * WINDOW_MS;
    const next = read(due);
    const isNew = next.isCanaryShown && due <= start;
    if (isNew) shown.push(next);
    for (const [name, watcher] of each) {
      // Only Flagger takes the want of a value for a failed check; the others wait for it.
      const seen = name === 'Flagger' ? atOnce : isNew ? shown : [];
      if (found[name] === undefined && seen.length > 0 && watcher.see(seen))
        found[name] = { revertedAt: look, failed: world.failed() };
    }
  }
  world.advance(until);
  const failed = world.failed();
  return Object.fromEntries(each.map(([name]) => [name, found[name] ?? { failed }])) as Record<
    PeerName,
    Watched
  >;
}
