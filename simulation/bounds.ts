import { type Instant, WINDOW_MS } from '../core/units.ts';
import type { Met } from '../local/witness.ts';
import { LEAVING, shareOf, standingAt, those, type View, views } from './checkers/view.ts';
import type { Run } from './recording.ts';

/** What a canary left for, as far as its time is measured. */
export type Cause = 'abort' | 'alarm' | 'failing';

/** How long one canary took to leave, in virtual seconds. */
export interface Bound {
  cause: Cause;
  /** From an abort's arrival, an alarm's change of state, or the end of the first failing window. */
  seconds: number;
  /** Of these, until the journal says that the canary leaves. */
  known: number;
  /** From there until the last target is on stable; below zero if that came first. */
  moved: number;
}

/** How long the canaries of a run took to leave. */
export function boundsOf(run: Run): Bound[] {
  return views(run).flatMap((view) => {
    const left = leftOf(view);
    if (left === undefined) return [];
    const from = (cause: Cause, since: Instant): Bound => ({
      cause,
      seconds: (left.at - since) / 1000,
      known: (left.knownAt - since) / 1000,
      moved: (left.at - left.knownAt) / 1000,
    });
    const abort = run.commands.find(
      ({ does, rolloutId, acceptedAt, at }) =>
        does === 'abort' && rolloutId === view.id && acceptedAt !== undefined && at <= left.at,
    );
    if (left.why === 'Aborted' && abort !== undefined) return [from('abort', abort.at)];
    const alarm = those(view, 'AlarmRaised').find(({ index }) => index === left.index);
    if (alarm !== undefined) return [from('alarm', alarm.event.since)];
    const isJudged = those(view, 'Measured').some(({ index }) => index === left.index);
    const failing = isJudged ? failingSince(view, run) : undefined;
    return failing === undefined ? [] : [from('failing', failing)];
  });
}

interface Left {
  /** When the last target that served the canary was on stable. */
  at: Instant;
  /** When and where the journal said so first, and by what. */
  knownAt: Instant;
  index: number;
  why: (typeof LEAVING)[number];
}

/** When a canary with traffic left. An abort may be out before it is recorded. */
function leftOf(view: View): Left | undefined {
  const leaving = those(view, ...LEAVING)[0];
  if (leaving === undefined) return undefined;
  const closed = those(view, 'RolloutClosed')[0]?.index ?? Number.POSITIVE_INFINITY;
  // A later rollout of the same version takes it out as well, which is not this one's time.
  const isOfThis = ({ index, by }: View['writes'][number]) => index <= closed || by?.rolloutId === view.id;
  const outs = view.opening.targets.flatMap((target) => {
    const isIn = (index: number) => shareOf(standingAt(view, target, index), target.canary) > 0;
    const last = view.writes.findLast(
      (write) => write.key === target.key && write.from > 0 && write.to === 0 && isOfThis(write),
    );
    return last !== undefined && (isIn(leaving.index) || leaving.event.type === 'Aborted') ? [last.at] : [];
  });
  if (outs.length === 0) return undefined;
  return { at: Math.max(...outs), knownAt: leaving.at, index: leaving.index, why: leaving.event.type };
}

/** Share and number of failed requests from which on a window of the canary counts as failing; chance does not get there. */
const FAILING = { share: 0.02, times: 3, requests: 20 };

/** The end of the first window in which users of the canary failed beyond chance. */
function failingSince(view: View, { windows }: Run): Instant | undefined {
  const ends = view.opening.targets.flatMap(({ key, stable, canary }) => {
    const all = (version: string) => windows[`${key}:${version}`] ?? new Map<Instant, Met>();
    const usual = shareFailed([...all(stable).values()]);
    const raisedAt = view.raises[0]?.at ?? Number.POSITIVE_INFINITY;
    return [...all(canary)]
      .filter(
        ([start, { requests, failed }]) =>
          start + WINDOW_MS > raisedAt &&
          requests >= FAILING.requests &&
          failed / requests > Math.max(FAILING.share, FAILING.times * usual),
      )
      .map(([start]) => start + WINDOW_MS);
  });
  return ends.length === 0 ? undefined : Math.min(...ends);
}

function shareFailed(all: Met[]): number {
  const requests = all.reduce((sum, each) => sum + each.requests, 0);
  return requests === 0 ? 0 : all.reduce((sum, each) => sum + each.failed, 0) / requests;
}
