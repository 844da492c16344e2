import * as z from 'zod/mini';
import { metricsWith } from '../analysis/metrics.ts';
import type { LimitRule, Probing, WatchRule } from '../analysis/types.ts';
import { RolloutError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { fineWeightFaults, insideFaults } from '../plan/steps.ts';
import { stepsFrom, strategyFaults, strategyFields } from '../plan/strategies.ts';
import type { Gate, Hook } from '../rollout/event.ts';
import { SOURCES } from '../target.ts';
import { kindIn, perKinds, type TargetKinds } from '../target-kind.ts';
import { check, type Fault, list, rule, type Says, strict, textLike } from './check.ts';
import { describeFields } from './descriptions.ts';
import { acceptedSeconds, DAY, duration, MINUTE } from './duration.ts';
import { gatesField, sortedGatesFrom } from './gates.ts';
import { HOLD_BACK_WAS, holdoutFaults, holdoutField, holdoutNotices, recallField } from './holdout.ts';
import { hookFaults, hooksField, writtenHooksFrom } from './hooks.ts';
import { limitFaults, limitRulesFrom, limitsField } from './limits.ts';
import { serviceField } from './names.ts';
import { oneOf } from './nearest.ts';
import { isMap, own, word } from './plain.ts';
import { probeFaults, probeField, probeNotices, probingFrom } from './probe.ts';
import { segmentsField, segmentsFrom } from './segments.ts';
import { smokeFaults, smokeField, smokeHooksFrom } from './smoke.ts';
import { sourceOf, targetsField } from './targets.ts';
import { evidencePlanFrom, watchField, watchRulesFrom } from './watch.ts';

const ALARMS_MAX = 100;
const VERIFY_MAX = 7 * DAY;
const SETTLE_MAX = 10 * MINUTE;
const SETTLE_DEFAULT = '1m';
const ON_INCONCLUSIVE = ['pause', 'promote', 'revert'] as const;
const ON_SUSPECT = ['pause', 'revert'] as const;

const alarmSays: Says = ({ input }) => {
  const [, name] = /^arn:[\w-]+:cloudwatch:[^:]*:[^:]*:alarm:(.{1,255})$/u.exec(word(input)) ?? [];
  if (name !== undefined)
    return `write only the alarm's name: \`${name}\`. It is looked for in the controller's own account and region.`;
  return 'write the name of a CloudWatch alarm, no ARN: 1 to 255 characters.';
};
const alarmsSays: Says = () => `write a list of at most ${ALARMS_MAX} alarm names.`;

const alarmsField = list(
  textLike(/^(?!arn:[\w-]+:cloudwatch:)[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,255}$/u, alarmSays),
  ALARMS_MAX,
  alarmsSays,
).check(
  rule(repeatedFaults),
  z.describe('CloudWatch alarms, composite ones included, that revert the release when they go off.'),
);

const inconclusiveSays: Says = ({ input }) => oneOf(word(input), ON_INCONCLUSIVE);

const suspectSays: Says = ({ input }) =>
  input === 'promote'
    ? 'a canary that looks worse is never promoted by itself, only by a person; write `pause` or `revert`.'
    : oneOf(word(input), ON_SUSPECT);

/** What a rollout file may hold, with targets of these kinds; what it accepts is plain JSON that it accepts again. */
export const rolloutFileSchema = perKinds((kinds) =>
  strict(
    {
      schema: z
        ._default(z.literal(1, { error: () => 'the schema is 1; write 1 or leave it out.' }), 1)
        .check(z.describe('Version of this format.')),
      service: serviceField,
      targets: targetsField(kinds),
      ...strategyFields,
      segments: z.optional(segmentsField),
      smoke: z.optional(smokeField),
      probe: z.optional(probeField),
      hooks: z.optional(hooksField),
      gates: z.optional(gatesField),
      watch: z.optional(watchField),
      limits: z.optional(limitsField),
      alarms: z.optional(alarmsField),
      verify: z
        ._default(duration(0, VERIFY_MAX), '10m')
        .check(
          z.describe(
            'Bake after the last step, in which a revert is still armed: from 0s to 7d. If the plan has steps, four fifths of it run beside the holdout and the rest, at least two minutes, at 100 %.',
          ),
        ),
      settle: z
        .optional(duration(0, SETTLE_MAX))
        .check(
          z.describe(
            'How long after each raise up to 5 % of requests may fail while environments are new, if stable does not fail as many: `1m` (default), from 0s to 10m. More than that is held against the release at once.',
          ),
        ),
      holdout: z.optional(holdoutField),
      recall: z.optional(recallField),
      onInconclusive: z
        .optional(z.enum(ON_INCONCLUSIVE, { error: inconclusiveSays }))
        .check(
          z.describe(
            'What follows if too little traffic came to judge a step: `pause` (default; `promote` for CodeDeploy presets), `promote` or `revert`.',
          ),
        ),
      onSuspect: z
        .optional(z.enum(ON_SUSPECT, { error: suspectSays }))
        .check(
          z.describe(
            'What follows if the canary still looks worse than stable, without proof, at the end of the longest bake or an hour after `verify`: `pause` (default) or `revert`. It is never promoted by itself, whatever `onInconclusive` says.',
          ),
        ),
    },
    { holdBack: HOLD_BACK_WAS },
  ).check(
    rule((file) => fileFaults(file, kinds)),
    z.meta({
      title: 'Spillway rollout file',
      oneOf: Object.keys(strategyFields).map((name) => ({ required: [name] })),
    }),
    z.describe('How the releases of one service go out.'),
  ),
);

/** An accepted rollout file, as it travels in a manifest. */
export type RolloutFile = z.output<ReturnType<typeof rolloutFileSchema>>;

/**
 * Accepts a rollout file.
 * @throws RolloutError RolloutFileInvalid with a line for each problem, each beginning with `where`
 */
export function rolloutFileFrom(kinds: TargetKinds, value: unknown, where = ''): RolloutFile {
  const checked = check(rolloutFileSchema(kinds), value, 'the rollout file');
  if (checked.lines === undefined) return checked.value;
  throw new RolloutError('RolloutFileInvalid', checked.lines.map((line) => where + line).join('\n'));
}

/** How a release goes out by this file, and what a person should know about it. */
export function planFrom(file: RolloutFile): { plan: Plan; notices: string[] } {
  const { steps, preset } = stepsFrom(file);
  const verifySeconds = acceptedSeconds(file.verify);
  // Without steps traffic is raised once, and compared in recalls alone.
  const warmUpSeconds = steps.length === 0 ? 0 : acceptedSeconds(file.settle ?? SETTLE_DEFAULT);
  const isAssumed = preset !== undefined && file.onInconclusive === undefined;
  const onInconclusive = file.onInconclusive ?? (isAssumed ? 'promote' : 'pause');
  const notice =
    `\`strategy: ${preset}\` comes from CodeDeploy: its times are least bakes, and a step with too little traffic is promoted, ` +
    'unproven; write `onInconclusive: pause` or `revert` to change that.';
  return {
    plan: {
      ...{
        steps,
        ...(file.segments === undefined ? {} : { segments: segmentsFrom(file.segments) }),
        verifySeconds,
        ...(warmUpSeconds === 0 ? {} : { warmUpSeconds }),
        onInconclusive,
        ...(file.onSuspect === undefined ? {} : { onSuspect: file.onSuspect }),
        ...(file.recall === 'off' ? { recall: false as const } : {}),
      },
      ...evidencePlanFrom(file.watch),
    },
    notices: [
      ...(isAssumed ? [notice] : []),
      ...holdoutNotices(file, { steps, verifySeconds }),
      ...probeNotices(file),
    ],
  };
}

/** Everybody who is asked: first the smoke tests, which are sent to the new version before any user meets it. */
export function hooksFrom(file: RolloutFile): Hook[] {
  const [only = ''] = Object.keys(file.targets);
  const smoke = smokeHooksFrom(file.smoke ?? [], file.targets, smokeId);
  return [...smoke, ...writtenHooksFrom(file.hooks ?? {}, only)];
}

const smokeId = (index: number) => `smoke.${index + 1}`;

/** Which of the smoke tests are repeated while the canary has traffic, and how often; undefined if none are. */
export function probeFrom({ probe, smoke = [] }: RolloutFile): Probing | undefined {
  return probe && probingFrom(probe, smoke, smokeId);
}

/** The weights that people must approve, lowest first. */
export function gatesFrom(file: RolloutFile): Gate[] {
  return sortedGatesFrom(file.gates ?? []);
}

/** What the consumers of events among the targets may not do. */
export function limitsFrom(file: RolloutFile): LimitRule[] {
  return limitRulesFrom(file.limits ?? {});
}

/** What the canary is measured by. */
export function watchFrom(file: RolloutFile): WatchRule[] {
  return watchRulesFrom(file.watch, hasHttp(file.targets));
}

/** The format as a JSON Schema (draft 2020-12), for editors and for the reference. */
export function rolloutFileJsonSchema(kinds: TargetKinds): Record<string, unknown> {
  const schema = z.toJSONSchema(rolloutFileSchema(kinds), { io: 'input' });
  describeFields(schema);
  return { ...schema };
}

function fileFaults(file: unknown, kinds: TargetKinds): Fault[] {
  if (!isMap(file)) return [];
  return [strategyFaults, holdoutFaults, smokeFaults, probeFaults, hookFaults]
    .flatMap((faults) => faults(file))
    .concat(
      ...[watchFaults, limitFaults, fineWeightFaults, insideFaults].map((faults) => faults(file, kinds)),
    );
}

function repeatedFaults(names: unknown): Fault[] {
  if (!Array.isArray(names)) return [];
  return names.flatMap((name, index) =>
    names.indexOf(name) === index
      ? []
      : [{ path: [index], message: 'this alarm is listed before; remove one of the two.' }],
  );
}

function watchFaults(file: Record<string, unknown>, kinds: TargetKinds): Fault[] {
  if (!isMap(file.targets) || hasAnswers(file.targets, kinds)) return [];
  return metricsWith(({ needs }) => needs === 'answers')
    .filter((name) => own(file.watch, name) !== undefined)
    .map((name) => ({
      path: ['watch', name],
      message: 'no target is a function with `source: http`, so this could never be measured; remove it.',
    }));
}

const hasHttp = (targets: object) => Object.values(targets).some((target) => sourceOf(target) === 'http');

/** What names no kind is refused for that. */
const hasAnswers = (targets: Record<string, unknown>, kinds: TargetKinds) =>
  Object.values(targets).some((target) =>
    (kindIn(kinds, target)?.answersBy ?? SOURCES).some((source) => source === sourceOf(target)),
  );
