import { verifySecondsOf } from '../plan/holdout.ts';
import type { Plan } from '../plan/plan.ts';
import type { Target } from '../target.ts';
import type { Percent, Seconds } from '../units.ts';
import { duration, percent } from '../words.ts';
import { RECALL_WEIGHT, RECALL_WEIGHT_UNDER_LOAD } from './holdout.ts';
import { isOfAnswers, METRICS, metricsWith } from './metrics.ts';
import { SETTLING_SHARE } from './settling.ts';
import type { WatchRule } from './types.ts';
import { isLatency, rulesFor } from './weights.ts';

/** Share of a minute's failed requests from which on it counts as an outage, and part of the stretches in which there is one from which on they are frequent. Assumed. */
export const OUTAGE_SHARE = 0.05;
const FREQUENT = 0.1;

/** What is known of a rollout at its opening. */
export interface Opened {
  plan: Plan;
  watch: readonly WatchRule[];
  targets: readonly Target[];
  isProbed: boolean;
  /** False if doubt cannot lower the canary's weight. */
  canRecall: boolean;
  /** How long a person has to answer if nothing can be measured, before the release is reverted; absent if it is never reverted by itself. */
  answerSeconds?: Seconds | undefined;
  /** Time-outs of the targets' functions. */
  timeouts: Readonly<Record<string, Seconds>>;
  /** In how many stretches as long as verify, of the day before, each target had an outage of its own. */
  outages: Readonly<Record<string, { stretches: number; hit: number }>>;
}

/** What no rule of a rollout can see, in one line: there is always something. */
export function unseenBy(opened: Opened): string {
  const parts = [
    ...frequentOutages(opened),
    ...unwatched(opened),
    ...settling(opened),
    ...longRequests(opened),
    silence(opened),
    ...underLoad(opened),
  ];
  return `not seen by this plan: ${parts.join('; ')}`;
}

/** A plan without steps has a control in a recall alone, and doubt does not begin at what is usual. */
function frequentOutages({ plan, outages }: Opened): string[] {
  if (plan.steps.length > 0) return [];
  return Object.entries(outages)
    .filter(([, { stretches, hit }]) => hit > FREQUENT * stretches)
    .map(
      ([name, { stretches, hit }]) =>
        `failures that look like an outage of ${name} (in ${hit} of ${stretches} stretches of ${duration(verifySecondsOf(plan))} of the last day, more than ${percent(OUTAGE_SHARE)} of a minute's requests failed; \`steps\` would compare)`,
    );
}

function unwatched({ watch, targets, isProbed }: Opened): string[] {
  const without = (isSeen: (rules: WatchRule[], target: Target) => boolean, what: string) => {
    const blind = targets.filter((target) => !isSeen(rulesFor(target, watch), target));
    if (blind.length === 0) return [];
    return [
      blind.length === targets.length ? what : `${what} on ${blind.map(({ name }) => name).join(', ')}`,
    ];
  };
  return [
    ...metricsWith(({ unseen }) => unseen !== undefined).flatMap((name) =>
      without(
        (rules, { traits }) =>
          (isOfAnswers(name) && !traits.counts.includes('answers')) ||
          rules.some(({ metric }) => metric === name),
        `${METRICS[name].unseen} (no rule \`${name}\`)`,
      ),
    ),
    ...without((rules) => rules.some(({ metric }) => isLatency(metric)), 'slow answers (no rule `latency`)'),
    ...(isProbed
      ? []
      : without(
          (rules) => rules.some(({ metric }) => metric.startsWith('custom.')),
          'wrong results that raise no error (no rule `custom`)',
        )),
  ];
}

/** What may pass by itself is not held against a release. */
function settling({ plan: { warmUpSeconds = 0 } }: Opened): string[] {
  return warmUpSeconds === 0
    ? []
    : [
        `up to ${percent(SETTLING_SHARE)} of failures for ${duration(warmUpSeconds)} after each raise (\`settle\`)`,
      ];
}

/** AWS counts a request only when it ends. */
function longRequests({ plan, timeouts }: Opened): string[] {
  const longest = Math.max(verifySecondsOf(plan), ...plan.steps.map(({ bakeSeconds }) => bakeSeconds));
  const long = Object.entries(timeouts).filter(([, seconds]) => seconds > longest);
  if (long.length === 0) return [];
  const who = long.map(([name, seconds]) => `${name} may run for ${duration(seconds)}`).join(', ');
  return [`requests that run longer than ${duration(longest)} (${who})`];
}

/** No count tells callers that leave from callers that the release keeps out, so that a person is asked. */
function silence({ answerSeconds }: Opened): string {
  const then = answerSeconds === undefined ? '' : `, and reverts after ${duration(answerSeconds)}`;
  return `why all requests stop (it pages${then})`;
}

/** If there is no control, harm is at most held for a person. */
function underLoad({ plan, canRecall }: Opened): string[] {
  const last = plan.steps.at(-1)?.weight ?? 0;
  const most: Percent = canRecall ? Math.max(last, RECALL_WEIGHT_UNDER_LOAD) : last;
  const harm =
    most === 0 ? 'harm of any kind, by comparison' : `harm that shows only above ${most} % of the traffic`;
  if (plan.verifySeconds === 0) return [`${harm} (nothing is verified at 100 %)`];
  const rest = `100 % is watched for ${duration(plan.verifySeconds)}`;
  return [
    canRecall
      ? `${harm} (${rest} without a control; in doubt the canary is held at ${RECALL_WEIGHT} % for a person)`
      : `${harm} (${rest} without a control, and there is no recall)`,
  ];
}
