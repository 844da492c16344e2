import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { holdoutOf, requiredInVerify } from '../../core/analysis/holdout.ts';
import { isOfFailures } from '../../core/analysis/metrics.ts';
import { sightOf, sightText, withoutPass } from '../../core/analysis/planner.ts';
import { probeSight } from '../../core/analysis/probes.ts';
import { weightsOf } from '../../core/analysis/weights.ts';
import { planFrom, probeFrom, watchFrom } from '../../core/config/rollout-file.ts';
import { withHoldout } from '../../core/plan/holdout.ts';
import type { Plan } from '../../core/plan/plan.ts';
import { number, percent } from '../../core/words.ts';
import { KINDS } from '../../targets/kinds.ts';
import { pathFrom } from '../arguments.ts';
import { UsageError } from '../call.ts';
import { command } from '../command.ts';
import { say } from '../print.ts';

/** Says what each step of a rollout file can see at a service's traffic; exit code 1 if none of them can see anything. */
export const plan = command(
  'plan',
  {
    does: 'says what each step of a rollout file can detect at this traffic; exit code 1 if none of them can detect anything',
    takes: ['FILE'],
    options: {
      'requests-per-second': {
        value: 'N',
        isRequired: true,
        does: 'requests that the service gets each second, such as 20',
      },
      'error-rate': {
        value: 'PERCENT',
        isRequired: true,
        does: 'how many of its requests fail now, with the sign: 0.1% is one in 1,000',
      },
    },
  },
  async ({ args, options }) => {
    const requestsPerSecond = Number(options['requests-per-second']);
    if (!(requestsPerSecond > 0 && requestsPerSecond <= 1e6))
      throw new UsageError(
        `--requests-per-second takes a number above 0 and at most a million, not "${options['requests-per-second']}"`,
      );
    const errorRate = shareFrom(options['error-rate']);
    const file = await readRolloutFile(KINDS, pathFrom(args[0]));
    const { plan } = planFrom(file);
    const rule = watchFrom(file).find(({ metric }) => isOfFailures(metric));
    const ratio = rule !== undefined && 'ratio' in rule ? rule.ratio : 1;
    const held = withHoldout(plan, file.holdout ?? holdoutAt({ plan, requestsPerSecond, errorRate, ratio }));
    const expected = { requestsPerSecond, errorRate, ratio, alpha: plan.alpha };
    const sights = held.steps.map((step) => sightOf(step, expected));
    say(`At ${number(requestsPerSecond)} requests per second, of which ${percent(errorRate)} fail now:`);
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
    const lacking = probed?.isEnough ? undefined : withoutPass(held, expected);
    if (lacking !== undefined) say(`${lacking.charAt(0).toUpperCase()}${lacking.slice(1)}.`);
    for (const line of probed?.lines ?? []) say(line);
    say('CloudWatch shows a minute one to two minutes after its end; that comes on top.');
    return isBlind && !probed?.isEnough ? 1 : 0;
  },
);

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

/** A share written as a percentage. Without its sign 0.1 may be meant as 10 % as well, and no answer would show it. @throws UsageError */
function shareFrom(text: string): number {
  const [, digits, sign] = /^(\d+(?:\.\d+)?) ?(%?)$/.exec(text) ?? [];
  const said = Number(digits);
  if (digits === undefined || (sign === '%' && said >= 100))
    throw new UsageError(`--error-rate takes a percentage below 100, such as 0.1%, not "${text}"`);
  if (sign === '')
    throw new UsageError(
      `--error-rate ${text} has no % sign; write ${text}% if ${oneIn(said / 100)} fails${said < 1 ? `, or ${Number((said * 100).toPrecision(6))}% if ${oneIn(said)} does` : ''}`,
    );
  return said / 100;
}

const oneIn = (share: number) =>
  share === 0 ? 'no request' : `one request in ${number(Math.round(1 / share))}`;
