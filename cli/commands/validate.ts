import { readRolloutFile } from '../../adapters/rollout-file.ts';
import { HOLDOUTS, RECALL_WEIGHT, verifySplitOf } from '../../core/analysis/holdout.ts';
import { eachProbe } from '../../core/analysis/probes.ts';
import { checksOf, subjectOf } from '../../core/analysis/smoke.ts';
import {
  gatesFrom,
  hooksFrom,
  limitsFrom,
  planFrom,
  probeFrom,
  watchFrom,
} from '../../core/config/rollout-file.ts';
import type { Plan, Step } from '../../core/plan/plan.ts';
import type { Gate, Hook } from '../../core/rollout/event.ts';
import { duration, number } from '../../core/words.ts';
import { parsed } from '../arguments.ts';
import { say } from '../print.ts';
import type { Command } from '../spillway.ts';

/** Checks a rollout file and says what it would do; exit code 1 where it is refused. */
export const validate: Command = {
  usage: 'validate FILE',
  does: 'checks a rollout file and says what it would do',
  async run(args) {
    const [path = ''] = parsed(args, ['FILE'], {}).positionals;
    const file = await readRolloutFile(path);
    const { plan, notices } = planFrom(file);
    say(`${path} is a good rollout file of ${file.service}.`);
    say(`  ${[...plan.steps.map(held), verified(plan, file.holdout)].join(', ')}`);
    say(
      `  ${counted(watchFrom(file).length, 'watch rule')}, ${counted(limitsFrom(file).length, 'limit')}; without enough evidence: ${plan.onInconclusive}; if it looks worse: ${plan.onSuspect ?? 'pause'}; on doubt in verify: ${plan.recall === false ? 'no recall' : `recall to ${RECALL_WEIGHT} %`}`,
    );
    for (const hook of hooksFrom(file)) say(`  ${asked(hook)}`);
    for (const gate of gatesFrom(file)) say(`  ${demanded(gate)}`);
    const probe = probeFrom(file);
    if (probe !== undefined) say(`  probes: ${eachProbe(probe)}, while the canary has traffic`);
    for (const name of file.alarms ?? [])
      say(`  alarm ${name}: if it goes off after the first raise, the release is taken back`);
    for (const notice of notices) say(`  notice: ${notice}`);
    return 0;
  },
};

function held({ weight, bakeSeconds, maxBakeSeconds, untilRequests }: Step): string {
  return untilRequests === undefined
    ? `${weight} % for ${duration(bakeSeconds)}`
    : `${weight} % until ${number(untilRequests)} canary requests within ${duration(maxBakeSeconds)}`;
}

/** What `verify` does: with a holdout for most of it if the plan has steps, whose size the traffic decides if the file does not. */
function verified(plan: Plan, percent: number | undefined): string {
  const { holdoutMinutes, restMinutes } = verifySplitOf(plan.verifySeconds, plan.steps.length === 0);
  if (holdoutMinutes === 0 || percent === 0) return `100 %, verified for ${duration(plan.verifySeconds)}`;
  const [least = 0, most = 0] = [HOLDOUTS[0], HOLDOUTS.at(-1)];
  const [weight, staying] =
    percent === undefined
      ? [
          `${100 - most} to ${100 - least}`,
          `${HOLDOUTS.slice(0, -1).join(', ')} or ${most} % stay on stable, by the traffic`,
        ]
      : [100 - percent, `${percent} % stay on stable`];
  return `${weight} % for ${duration(holdoutMinutes * 60)} (holdout: ${staying}), 100 % for ${duration(restMinutes * 60)}`;
}

function asked({ point, kind, spec, target, timeoutSeconds, onBroken }: Hook): string {
  const what =
    kind === 'smoke'
      ? `smoke test ${checksOf(spec).map(subjectOf).join(', then ')}`
      : `${kind} hook ${Object.values(spec).join(' ')}`;
  const within = `an answer within ${duration(timeoutSeconds)}`;
  return point === 'onRevert'
    ? `${point}: ${what} is told about ${target}; no answer matters`
    : `${point}: ${what} about ${target}, ${within}; if it cannot be asked: ${onBroken}`;
}

function demanded({ before, approvers, by, timeoutSeconds, onTimeout }: Gate): string {
  const whom = by.length === 0 ? 'anybody who may give commands' : by.join(', ');
  return `gate before ${before} %: ${counted(approvers, 'approval')} of ${whom} within ${duration(timeoutSeconds)}, else ${onTimeout}`;
}

const counted = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
