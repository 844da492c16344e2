import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { holdoutOf, requiredInVerify } from '../../core/analysis/holdout.ts';
import { isOfFailures } from '../../core/analysis/metrics.ts';
import {
  foundBy,
  insideText,
  sightOf,
  sightText,
  wholeSteps,
  withoutPass,
} from '../../core/analysis/planner.ts';
import { probeSight } from '../../core/analysis/probes.ts';
import { weightsOf } from '../../core/analysis/weights.ts';
import { planFrom, probeFrom, watchFrom } from '../../core/config/rollout-file.ts';
import { withHoldout } from '../../core/plan/holdout.ts';
import type { Plan } from '../../core/plan/plan.ts';
import { number, percent } from '../../core/words.ts';
import { KINDS } from '../../targets/kinds.ts';
import { pathFrom } from '../arguments.ts';
import type { GivenTo, PLAN } from '../calls.ts';
import { FAILED } from '../exit-codes.ts';
import { say, sayJson } from '../print.ts';
import { trafficFrom } from '../traffic.ts';

/** Says what each step of a rollout file can see at a service's traffic; exit code 1 if none of them can see anything. */
export async function plan({ args, options }: GivenTo<typeof PLAN>): Promise<number> {
  const { requestsPerSecond, errorRate } = trafficFrom(options);
  const file = await readRolloutFile(KINDS, pathFrom(args[0]));
  const { plan } = planFrom(file);
  const rule = watchFrom(file).find(({ metric }) => isOfFailures(metric));
  const ratio = rule !== undefined && 'ratio' in rule ? rule.ratio : 1;
  const held = withHoldout(plan, file.holdout ?? holdoutAt({ plan, requestsPerSecond, errorRate, ratio }));
  const expected = { requestsPerSecond, errorRate, ratio, alpha: plan.alpha };
  const sights = wholeSteps(held.steps).map((step) => sightOf(step, expected));
  const traffic = `At ${number(requestsPerSecond)} requests per second, of which ${percent(errorRate)} fail now`;
  const details = [
    ...sights.flatMap((sight) => sightText(sight, { errorRate })),
    ...insideText(held.steps).map((line) => `${line.charAt(0).toUpperCase()}${line.slice(1)}.`),
  ];
  const probe = probeFrom(file);
  const probed = probe && probeSight(probe, plan, watchFrom(file));
  const found = foundBy(sights);
  const isBlind = found === undefined;
  const first =
    sights.length === 0
      ? 'it goes to 100 % in one step: nothing is compared before that.'
      : !isBlind
        ? `${found}.`
        : probed?.isEnough
          ? 'requests alone cannot show anything. Its verdicts will rest on probes.'
          : 'this plan cannot see anything. Its verdicts will be inconclusive.';
  const lacking = probed?.isEnough ? undefined : withoutPass(held, expected);
  const lines = [
    `${traffic}: ${first}`,
    ...(options.verbose ? details : []),
    ...(lacking === undefined ? [] : [`${lacking.charAt(0).toUpperCase()}${lacking.slice(1)}.`]),
    ...(probed?.lines ?? []),
    `CloudWatch shows a minute one to two minutes after its end; that comes on top.${options.verbose || details.length === 0 ? '' : ' What each step sees: --verbose.'}`,
  ];
  const isUseless = isBlind && !probed?.isEnough;
  if (options.json) sayJson({ file: args[0], requestsPerSecond, errorRate, steps: sights, isUseless, lines });
  else for (const line of lines) say(line);
  return isUseless ? FAILED : 0;
}

/** What stays on stable during verify at this traffic, if the file does not say. */
function holdoutAt({
  plan,
  requestsPerSecond,
  errorRate,
  ratio,
}: {
  plan: Plan;
  requestsPerSecond: number;
  errorRate: number;
  ratio: number;
}): number {
  const part = weightsOf(['errors', 'traffic']).get('errors') ?? 1;
  const required = requiredInVerify({ alpha: plan.alpha, part, verifyMinutes: plan.verifySeconds / 60 });
  const rule = { perMinute: requestsPerSecond * 60, share: errorRate, ratio, required };
  return holdoutOf([rule], plan.steps.at(-1)?.weight ?? 0);
}
