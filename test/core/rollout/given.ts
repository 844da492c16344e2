import { expect } from 'vitest';
import { NO_PROBES } from '../../../core/analysis/probe-counts.ts';
import type { Alarm, ProbeCounts, SmokeCheck, Verdict, VerdictStatus } from '../../../core/analysis/types.ts';
import { type ErrorCode, RolloutError } from '../../../core/errors.ts';
import type { Actor } from '../../../core/rollout/actor.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { Hook, HookStatus, Opening, RolloutEvent } from '../../../core/rollout/event.ts';
import type { FencingToken } from '../../../core/rollout/fencing-token.ts';
import { type Directive, next } from '../../../core/rollout/next.ts';
import { evolve, type Rollout } from '../../../core/rollout/state.ts';
import type { Target } from '../../../core/target.ts';
import { type Instant, type Percent, WINDOW_MS } from '../../../core/units.ts';
import { traitsOf } from '../../../targets/lambda-alias/kind.ts';
import { thrownBy } from '../config/files.ts';

export type Event<Type extends RolloutEvent['type']> = Extract<RolloutEvent, { type: Type }>;
type History = (RolloutEvent | RolloutEvent[])[];

export const ROLLOUT_ID = 'checkout-api--r8--1';

/** The instant that lies so many minutes after the opening, which is at the start of a window. */
export const minute = (count: number): Instant =>
  1_767_614_400_000 + Math.round(count * 1000) * (WINDOW_MS / 1000);

/** The same value, of which nothing can be changed any more: whoever tries throws. */
export function frozen<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const each of Object.values(value)) frozen(each);
  }
  return value;
}

/** The rollout as it stands after a history; @throws Error if the history is empty */
export function stateAfter(...history: History): Rollout {
  const state = history
    .flat()
    .reduce<Rollout | undefined>((before, event) => frozen(evolve(before, frozen(event))), undefined);
  if (state === undefined) throw new Error('A history needs an event.');
  return state;
}

/** The next directive after a history, at so many minutes after the opening. */
export function directiveAt(minutes: number, ...history: History): Directive {
  return next(stateAfter(...history), minute(minutes));
}

/** A specification of `decide`: after these events, this command makes those events happen, or is refused. */
export function given(...history: History) {
  const state = stateAfter(...history);
  return {
    when: (command: Command, minutes: number) => ({
      // biome-ignore lint/suspicious/noThenProperty: given, when, then is what a specification reads like; nothing awaits it
      then: (...events: RolloutEvent[]) =>
        expect(decide(state, command, minute(minutes))).toStrictEqual(events),
      thenNothing: () => expect(decide(state, command, minute(minutes))).toEqual([]),
      /** Refused with this message, to the word or as it looks. */
      thenRefused: (code: ErrorCode, message: string | RegExp) => {
        const error = thrownBy(() => decide(state, command, minute(minutes)));
        expect(RolloutError.is(error, code), error.message).toBe(true);
        if (typeof message === 'string') expect(error.message).toBe(message);
        else expect(error.message).toMatch(message);
      },
    }),
  };
}

/** The history after a command has been decided on it, so that tests can go on from there. */
export function decided(command: Command, minutes: number, ...history: History): RolloutEvent[] {
  return [...history.flat(), ...decide(stateAfter(...history), command, minute(minutes))];
}

export function target(name = 'api', more: Partial<Target> = {}): Target {
  const ref = { functionName: `checkout-prod-${name}`, alias: 'live' };
  return {
    ...{
      name,
      kind: 'lambda-alias',
      key: `aws:123456789012:eu-central-1:lambda-alias/${ref.functionName}/live`,
    },
    ...{ ref, stable: '7', canary: '8', source: 'http', traits: traitsOf(more.source ?? 'http', ref) },
    ...more,
  };
}

export const TWO_TARGETS = [target('api'), target('worker', { stable: '3', canary: '4' })];

/** Smoke tests as the hooks that they are. */
export function smokeHooks(...paths: string[]): Hook[] {
  return paths.map((path, index) => ({
    id: `smoke.${index + 1}`,
    point: 'beforeTraffic',
    kind: 'smoke',
    target: 'api',
    spec: smokeCheck(path),
    timeoutSeconds: 30,
    onBroken: 'revert',
  }));
}

function smokeCheck(path: string): SmokeCheck {
  return { target: 'api', method: 'GET', path, expect: { status: 200, json: {} } };
}

/** Two steps of two minutes that may be stretched to ten, then two minutes of verify; settles in one. */
export function opening(more: Partial<Opening> = {}): Opening {
  return {
    rolloutId: ROLLOUT_ID,
    service: 'checkout-api',
    environment: 'prod',
    release: 'r8',
    attempt: 1,
    manifest: { bucket: 'releases', key: 'releases/checkout-api/r8/manifest.json', versionId: 'v1' },
    order: 8,
    targets: [target()],
    plan: plan(),
    hooks: [],
    gates: [],
    watch: [
      { metric: 'errors', ratio: 1.5 },
      { metric: 'http5xx', ratio: 1.5 },
    ],
    limits: [],
    reversible: true,
    alarms: [],
    settleSeconds: 60,
    deadline: minute(4 * 24 * 60),
    notices: [],
    ...more,
  };
}

export function plan(more: Partial<Opening['plan']> = {}): Opening['plan'] {
  return {
    steps: [
      { weight: 10, bakeSeconds: 120, maxBakeSeconds: 600 },
      { weight: 50, bakeSeconds: 120, maxBakeSeconds: 600 },
    ],
    verifySeconds: 120,
    onInconclusive: 'pause',
    ...more,
  };
}

export const opened = (more: Partial<Opening> = {}): Event<'RolloutOpened'> => ({
  type: 'RolloutOpened',
  at: minute(0),
  ...opening(more),
});

export const token = (seq: number, epoch = 1, open = true): FencingToken => ({
  rolloutId: ROLLOUT_ID,
  epoch,
  seq,
  open,
});

export const smokeAnswered = (
  index: number,
  status: HookStatus,
  minutes = 0,
  reason = `GET /${index} was put`,
): Event<'HookAnswered'> => ({
  type: 'HookAnswered',
  at: minute(minutes),
  hook: `smoke.${index + 1}`,
  status,
  reason,
});

export const intended = (
  weight: Percent,
  seq: number,
  minutes: number,
  on = 'api',
): Event<'ShiftIntended'> => ({
  type: 'ShiftIntended',
  at: minute(minutes),
  target: on,
  weight,
  token: token(seq),
  expiresAt: minute(minutes + 0.2),
});

export const shifted = (weight: Percent, seq: number, minutes: number, on = 'api'): Event<'Shifted'> => ({
  type: 'Shifted',
  at: minute(minutes),
  target: on,
  weight,
  token: token(seq),
});

export const promoted = (seq: number, minutes: number, on = 'api'): Event<'Promoted'> => ({
  type: 'Promoted',
  at: minute(minutes),
  target: on,
  token: token(seq),
});

/** A raise that was announced and confirmed in the same moment. */
export const raised = (weight: Percent, seq: number, minutes: number, on = 'api'): RolloutEvent[] => [
  intended(weight, seq, minutes, on),
  weight === 100 ? promoted(seq, minutes, on) : shifted(weight, seq, minutes, on),
];

export const verdict = (status: VerdictStatus, from: number, to: number): Verdict => ({
  status,
  reason: `it is ${status}`,
  findings: [],
  from: minute(from),
  to: minute(to),
});

/** A verdict on the windows from one minute to another, recorded when the last of them had settled. */
export const measured = (
  status: VerdictStatus,
  [from, to]: [number, number],
  alarms: Alarm[] = [],
): Event<'Measured'> => ({
  type: 'Measured',
  at: minute(to + 1),
  verdict: verdict(status, from, to),
  alarms,
});

/** A tick that saw the canary last in this minute. */
export const tick = (newest: number, to: number, more: Partial<Verdict> = {}): Event<'Measured'> => {
  const seen = measured('inconclusive', [1, to]);
  return {
    ...seen,
    verdict: {
      ...seen.verdict,
      findings: [
        {
          ...{ target: 'api', metric: 'traffic', status: 'pass', windows: 1, evidence: 0, reason: '' },
          ...{ canary: { bad: 0, total: 9 }, stable: { bad: 0, total: 90 }, newest: minute(newest) },
        },
      ],
      ...more,
    },
  };
};

/** With two smoke tests that are repeated, and one that is not. */
export const PROBED: Partial<Opening> = {
  hooks: smokeHooks('/health', '/cart', '/new'),
  probe: { everySeconds: 10, smoke: ['smoke.1', 'smoke.2'] },
};

/** What came of so many pairs of probes in one tick. */
export const pairs = (count: number, more: Partial<ProbeCounts> = {}): ProbeCounts => ({
  ...NO_PROBES,
  ticks: 1,
  pairs: count,
  ...more,
});

/** A tick that put these probes, so many minutes after the opening. */
export const probed = (minutes: number, counts: ProbeCounts): Event<'Measured'> => ({
  ...measured('inconclusive', [1, minutes - 1]),
  probes: { api: counts },
});

export const record = (
  status: VerdictStatus,
  [from, to]: [number, number],
  alarms: Alarm[] = [],
): Command => ({
  type: 'RecordMeasure',
  verdict: verdict(status, from, to),
  alarms,
});

/** At 10 % since 0:30, so the bake is the windows from 1:00 to 3:00, at the longest to 11:00. */
export const onFirstStep = (more: Partial<Opening> = {}): RolloutEvent[] => [
  opened(more),
  ...raised(10, 1, 0.5),
];

/** At 50 % since 4:12, so the bake is the windows from 5:00 to 7:00, at the longest to 15:00. */
export const onSecondStep = (more: Partial<Opening> = {}): RolloutEvent[] => [
  ...onFirstStep(more),
  measured('pass', [1, 3]),
  ...raised(50, 2, 4.2),
];

/** At 100 % since 8:30, so verify is the windows from 9:00 to 11:00. */
export const inVerify = (more: Partial<Opening> = {}): RolloutEvent[] => [
  ...onSecondStep(more),
  measured('pass', [5, 7]),
  ...raised(100, 3, 8.5),
];

/** A person, as the command line names one. */
export const actor = (id: string): Actor => ({ id, via: 'iam', isVerified: false });

/** A user of IAM, as the API proves one. */
export const proven = (name: string): Actor => ({
  id: `arn:aws:iam::1:user/${name}`,
  name,
  via: 'iam',
  isVerified: true,
});

export const aborted = (minutes: number): Event<'Aborted'> => ({
  type: 'Aborted',
  at: minute(minutes),
  by: actor('ada'),
  reason: 'it looks odd',
});

export const revertOrdered = (minutes: number, more: Partial<Event<'RevertOrdered'>> = {}): RolloutEvent => ({
  type: 'RevertOrdered',
  at: minute(minutes),
  cause: 'canary',
  reason: 'it is fail',
  outcome: 'reverted',
  ...more,
});

export const paused = (minutes: number, more: Partial<Event<'Paused'>> = {}): RolloutEvent => ({
  type: 'Paused',
  at: minute(minutes),
  by: actor('ada'),
  reason: 'lunch',
  until: minute(minutes + 24 * 60),
  why: 'human',
  ...more,
});

export const resumed = (minutes: number, by = actor('ada')): RolloutEvent => ({
  type: 'Resumed',
  at: minute(minutes),
  by,
});

export const promotionOrdered = (
  minutes: number,
  more: Partial<Event<'PromotionOrdered'>> = {},
): RolloutEvent => ({
  type: 'PromotionOrdered',
  at: minute(minutes),
  by: actor('ada'),
  full: false,
  ...more,
});

export const tookOver = (epoch: number, minutes: number): RolloutEvent => ({
  type: 'TookOver',
  at: minute(minutes),
  epoch,
  reason: 'nothing happened',
});

/** The revert path was taken and read back: version 7 serves everything. */
export const reverted = (minutes: number): RolloutEvent => ({
  type: 'Reverted',
  at: minute(minutes),
  targets: [{ name: 'api', primary: '7', changed: true, drifted: false }],
  cause: 'canary',
  reason: 'it is fail',
});

export const closed = (
  minutes: number,
  outcome: Event<'RolloutClosed'>['outcome'] = 'reverted',
): RolloutEvent => ({
  type: 'RolloutClosed',
  at: minute(minutes),
  outcome,
  reason: 'it is over',
});
