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
  type RolloutFile,
  watchFrom,
} from '../../core/config/rollout-file.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Plan, Step } from '../../core/plan/plan.ts';
import { weightText } from '../../core/plan/segments.ts';
import type { Gate, Hook } from '../../core/rollout/event.ts';
import { whoMay } from '../../core/rollout/gate.ts';
import { counted, duration, number } from '../../core/words.ts';
import { KINDS } from '../../targets/kinds.ts';
import { pathFrom } from '../arguments.ts';
import type { GivenTo, VALIDATE } from '../calls.ts';
import { FAILED } from '../exit-codes.ts';
import { say, sayJson } from '../print.ts';

/** Checks a rollout file and says what it would do; exit code 1 if it is refused. */
export async function validate({ args: [file = ''], options }: GivenTo<typeof VALIDATE>): Promise<number> {
  if (!options.json) {
    for (const line of linesOf(file, await readRolloutFile(KINDS, pathFrom(file)))) say(line);
    return 0;
  }
  try {
    sayJson({ file, ...contentOf(await readRolloutFile(KINDS, pathFrom(file))) });
    return 0;
  } catch (error) {
    if (!RolloutError.is(error)) throw error;
    sayJson({ file, error: { code: error.code, message: error.message } });
    return FAILED;
  }
}

/** What a rollout file comes to, in the normal form that the controller freezes at an opening. */
function contentOf(file: RolloutFile) {
  return {
    service: file.service,
    targets: file.targets,
    ...planFrom(file),
    holdout: file.holdout,
    watch: watchFrom(file),
    limits: limitsFrom(file),
    hooks: hooksFrom(file),
    gates: gatesFrom(file),
    probe: probeFrom(file),
    alarms: file.alarms ?? [],
  };
}

function linesOf(path: string, file: RolloutFile): string[] {
  const { plan, notices, watch, limits, hooks, gates, probe, alarms } = contentOf(file);
  return [
    `${path} is a valid rollout file for service ${file.service}.`,
    `  ${[...plan.steps.map((step) => held(step, plan.steps)), verified(plan, file.holdout)].join(', ')}`,
    `  ${counted(watch.length, 'watch rule')}, ${counted(limits.length, 'limit')}; without enough evidence: ${plan.onInconclusive}; if it looks worse: ${plan.onSuspect ?? 'pause'}; on doubt in verify: ${plan.recall === false ? 'no recall' : `recall to ${RECALL_WEIGHT} %`}`,
    ...hooks.map((hook) => `  ${asked(hook)}`),
    ...gates.map((gate) => `  ${demanded(gate)}`),
    ...(probe === undefined ? [] : [`  probes: ${eachProbe(probe)}, while the canary has traffic`]),
    ...alarms.map((name) => `  alarm ${name}: if it goes off after the first raise, the release is reverted`),
    ...notices.map((notice) => `  notice: ${notice}`),
  ];
}

function held({ weight, bakeSeconds, maxBakeSeconds, untilRequests }: Step, steps: readonly Step[]): string {
  const at = weightText(steps, weight);
  return untilRequests === undefined
    ? `${at} for ${duration(bakeSeconds)}`
    : `${at} until ${number(untilRequests)} canary requests within ${duration(maxBakeSeconds)}`;
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
    ? `${point}: ${what} is notified about ${target}; no answer matters`
    : `${point}: ${what} about ${target}, ${within}; if it cannot be asked: ${onBroken}`;
}

function demanded({ before, approvers, timeoutSeconds, onTimeout, ...gate }: Gate): string {
  const others = gate.notAuthor ? ', the author excepted,' : '';
  const rejected = gate.reject === 'ends' ? '; a rejection reverts it' : '';
  return `gate before ${before} %: ${counted(approvers, 'approval')} of ${whoMay(gate)}${others} within ${duration(timeoutSeconds)}, else ${onTimeout}${rejected}`;
}
