import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { holdoutOf, requiredInVerify } from '../../core/analysis/holdout.ts';
import { sightOf, sightText } from '../../core/analysis/planner.ts';
import { probeSight } from '../../core/analysis/probes.ts';
import { weightsOf } from '../../core/analysis/weights.ts';
import { planFrom, probeFrom, watchFrom } from '../../core/config/rollout-file.ts';
import { withHoldout } from '../../core/plan/holdout.ts';
import type { Plan } from '../../core/plan/plan.ts';
import { parsed, UsageError } from '../arguments.ts';
import { say } from '../print.ts';
import type { Command } from '../spillway.ts';

/** Says what each step of a rollout file can see at a service's traffic; exit code 1 where none of them can see anything. */
export const plan: Command = {
  usage: 'plan FILE --requests-per-second N --error-rate P',
  does: 'says what each step of a rollout file can see at this traffic, such as 20 and 0.1%',
  async run(args) {
    const { values, positionals } = parsed(args, ['FILE'], {
      'requests-per-second': { type: 'string' },
      'error-rate': { type: 'string' },
    });
    const requestsPerSecond = Number(values['requests-per-second']);
    if (!(requestsPerSecond > 0 && requestsPerSecond <= 1e6))
      throw new UsageError('say how many requests per second the service gets: --requests-per-second 20');
    const errorRate = shareFrom(values['error-rate']);
    const [path = ''] = positionals;
    const file = await readRolloutFile(path);
    const { plan } = planFrom(file);
    const rule = watchFrom(file).find(({ metric }) => metric === 'errors' || metric === 'http5xx');
    const ratio = rule !== undefined && 'ratio' in rule ? rule.ratio : 1;
    const held = withHoldout(plan, file.holdout ?? holdoutAt({ plan, requestsPerSecond, errorRate, ratio }));
    const sights = held.steps.map((step) =>
      sightOf(step, { requestsPerSecond, errorRate, ratio, alpha: plan.alpha }),
    );
    for (const sight of sights) for (const line of sightText(sight, { errorRate })) say(line);
    const probe = probeFrom(file);
    const probed = probe && probeSight(probe, plan, watchFrom(file));
    const isBlind = sights.every(({ smallest }) => smallest === undefined);
    if (sights.length === 0) say('It goes to 100 % in one step: nothing is compared before that.');
    else if (isBlind)
      say(
        probed?.isEnough
          ? 'Requests alone cannot show anything at this traffic. Its verdicts will rest on probes.'
          : 'This plan cannot see anything at this traffic. Its verdicts will be inconclusive.',
      );
    for (const line of probed?.lines ?? []) say(line);
    say('CloudWatch shows a minute one to two minutes after its end; that comes on top.');
    return isBlind && !probed?.isEnough ? 1 : 0;
  },
};

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

/** A share written as `0.1%` or `0.001`. @throws UsageError */
function shareFrom(text = ''): number {
  const [, digits, sign] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text) ?? [];
  const share = Number(digits) / (sign === '%' ? 100 : 1);
  if (digits === undefined || !(share >= 0 && share < 1))
    throw new UsageError('say what share of its requests fails now: --error-rate 0.1%');
  return share;
}
