import * as z from 'zod';
import type { WatchRule } from '../analysis/types.ts';
import { RolloutError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { stepsFrom, strategyExamples, strategyFields } from '../plan/strategies.ts';
import type { Hook } from '../rollout/event.ts';
import { ALWAYS, check, strict } from './check.ts';
import { acceptedSeconds, DAY, duration } from './duration.ts';
import { nearest } from './nearest.ts';
import { isMap, own, word } from './plain.ts';
import { smokeCheckFrom, smokeField } from './smoke.ts';
import { targetsField } from './targets.ts';
import { watchField, watchRulesFrom } from './watch.ts';

const ALARMS_MAX = 100;
const VERIFY_MAX = 7 * DAY;
const ON_INCONCLUSIVE = ['pause', 'promote', 'revert'] as const;

type Fault = (issue: { input?: unknown }) => string;

const serviceFault: Fault = () =>
  'write 1 to 40 small letters and digits, with single hyphens between them, like `checkout-api`.';

/** Name of a service. */
export const serviceField = z
  .string({ error: serviceFault })
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, { error: serviceFault })
  .max(40, { error: serviceFault })
  .describe('What goes out together; releases are uploaded under this name.');

const alarmFault: Fault = () => 'write the name of a CloudWatch alarm: 1 to 255 characters.';
const alarmsFault: Fault = () => `write a list of at most ${ALARMS_MAX} alarm names.`;

const alarmsField = z
  .array(z.string({ error: alarmFault }).regex(/^[^\p{Cc}]{1,255}$/u, { error: alarmFault }), {
    error: alarmsFault,
  })
  .max(ALARMS_MAX, { error: alarmsFault })
  .superRefine((names, context) => {
    for (const [index, name] of Array.isArray(names) ? names.entries() : []) {
      if (names.indexOf(name) === index) continue;
      context.addIssue({
        code: 'custom',
        path: [index],
        message: 'this alarm is listed before; remove one of the two.',
      });
    }
  }, ALWAYS)
  .describe('CloudWatch alarms, composite ones included, that take the release back when they go off.');

const inconclusiveFault: Fault = ({ input }) =>
  `did you mean \`${nearest(word(input), ON_INCONCLUSIVE)[0]}\`? Known are ${ON_INCONCLUSIVE.join(', ')}.`;

/** What a rollout file may hold; what it accepts is plain JSON that it accepts again. */
export const rolloutFileSchema = strict({
  schema: z
    .literal(1, { error: () => 'the schema is 1; write 1 or leave it out.' })
    .default(1)
    .describe('Version of this format.'),
  service: serviceField,
  targets: targetsField,
  ...strategyFields,
  smoke: smokeField.optional(),
  watch: watchField.optional(),
  alarms: alarmsField.optional(),
  verify: duration(0, VERIFY_MAX)
    .default('10m')
    .describe('Bake at 100 %, in which a revert is still armed: from 0s to 7d.'),
  onInconclusive: z
    .enum(ON_INCONCLUSIVE, { error: inconclusiveFault })
    .optional()
    .describe(
      'What follows where too little traffic came to judge a step: `pause` (default; `promote` for CodeDeploy presets), `promote` or `revert`.',
    ),
})
  .superRefine((file, context) => {
    for (const { path, message } of fileFaults(file)) context.addIssue({ code: 'custom', path, message });
  }, ALWAYS)
  .meta({
    title: 'Spillway rollout file',
    oneOf: Object.keys(strategyFields).map((name) => ({ required: [name] })),
  })
  .describe('How the releases of one service go out.');

/** An accepted rollout file, as it travels in a manifest. */
export type RolloutFile = z.output<typeof rolloutFileSchema>;

/**
 * Accepts a rollout file.
 * @throws RolloutError RolloutFileInvalid with a line for each problem, each beginning with `where`
 */
export function rolloutFileFrom(value: unknown, where = ''): RolloutFile {
  const checked = check(rolloutFileSchema, value, 'the rollout file');
  if (checked.lines === undefined) return checked.value;
  throw new RolloutError('RolloutFileInvalid', checked.lines.map((line) => where + line).join('\n'));
}

/** How a release goes out by this file, and what a person should know about it. */
export function planFrom(file: RolloutFile): { plan: Plan; notices: string[] } {
  const { steps, preset } = stepsFrom(file);
  const isAssumed = preset !== undefined && file.onInconclusive === undefined;
  const onInconclusive = file.onInconclusive ?? (isAssumed ? 'promote' : 'pause');
  const notice =
    `\`strategy: ${preset}\` comes from CodeDeploy: its times are least bakes, and a step with too little traffic is promoted, ` +
    'unproven; write `onInconclusive: pause` or `revert` to change that.';
  return {
    plan: { steps, verifySeconds: acceptedSeconds(file.verify), onInconclusive },
    notices: isAssumed ? [notice] : [],
  };
}

/** Everybody who is asked: first the smoke tests, which are put to the new version before any user meets it. */
export function hooksFrom(file: RolloutFile): Hook[] {
  const [only = ''] = Object.keys(file.targets);
  return (file.smoke ?? []).map((written, index) => {
    const spec = smokeCheckFrom(written, only);
    return {
      id: `smoke.${index + 1}`,
      point: 'beforeTraffic',
      kind: 'smoke',
      target: spec.target,
      spec,
      timeoutSeconds: 30,
      onBroken: 'revert',
    };
  });
}

/** What the canary is measured by. */
export function watchFrom(file: RolloutFile): WatchRule[] {
  return watchRulesFrom(file.watch, hasHttp(file.targets));
}

/** The format as a JSON Schema (draft 2020-12), for editors and for the reference. */
export function rolloutFileJsonSchema(): Record<string, unknown> {
  return { ...z.toJSONSchema(rolloutFileSchema, { io: 'input' }) };
}

function fileFaults(file: unknown): { path: PropertyKey[]; message: string }[] {
  if (!isMap(file)) return [];
  return [...strategyFaults(file), ...smokeTargetFaults(file), ...watchFaults(file)];
}

function strategyFaults(file: Record<string, unknown>): { path: PropertyKey[]; message: string }[] {
  const [first, ...others] = Object.keys(strategyFields).filter((name) => Object.hasOwn(file, name));
  const list = Object.values(strategyExamples)
    .map((example) => `\`${example}\``)
    .join(', ');
  if (first === undefined) return [{ path: ['steps'], message: `write exactly one of ${list}.` }];
  return others.map((name) => ({
    path: [name],
    message: `\`${first}\` stands here too; keep one of the two.`,
  }));
}

function smokeTargetFaults(file: Record<string, unknown>): { path: PropertyKey[]; message: string }[] {
  const names = isMap(file.targets) ? Object.keys(file.targets) : [];
  const checks: unknown[] = Array.isArray(file.smoke) ? file.smoke : [];
  return checks.flatMap((item, index) => {
    const target = own(item, 'target');
    const isGood = target === undefined ? names.length <= 1 : names.includes(word(target));
    if (isGood || names.length === 0 || !isMap(item)) return [];
    return [
      {
        path: ['smoke', index, 'target'],
        message: `write the target that is asked: ${nearest(word(target), names, 3).join(', ')}.`,
      },
    ];
  });
}

function watchFaults(file: Record<string, unknown>): { path: PropertyKey[]; message: string }[] {
  if (own(file.watch, 'http5xx') === undefined || hasHttp(file.targets)) return [];
  return [
    {
      path: ['watch', 'http5xx'],
      message: 'no target has `source: http`, so this could never be measured; remove it.',
    },
  ];
}

const hasHttp = (targets: unknown) =>
  isMap(targets) && Object.values(targets).some((target) => (own(target, 'source') ?? 'http') === 'http');
