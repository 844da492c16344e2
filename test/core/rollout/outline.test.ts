import { expect, test } from 'vitest';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import type { Gate, RevertedTarget, RolloutEvent } from '../../../core/rollout/event.ts';
import { outlineOf, outlineText, stateOf } from '../../../core/rollout/outline.ts';
import {
  aborted,
  closed,
  inVerify,
  measured,
  minute,
  onFirstStep,
  opened,
  paused,
  plan,
  promotionOrdered,
  ROLLOUT_ID,
  raised,
  reverted,
  stateAfter,
  TWO_TARGETS,
  tick,
} from './given.ts';

const gate = (before: number, approvers = 1): Gate => ({
  ...{ before, approvers, by: [], timeoutSeconds: 3_600, onTimeout: 'revert' },
});
const gates = [gate(10), gate(50, 2)];
const open = (before: number): RolloutEvent => ({
  ...{ type: 'GateOpened', at: minute(1), gate: before, until: minute(61) },
});
const approved = (id: string, before = 50): RolloutEvent => ({
  ...{ type: 'Approved', at: minute(2), gate: before, by: { id, via: 'iam', isVerified: false } },
});
/** A measuring in which each metric has so many minutes to judge. */
const verdictOf = (status: 'inconclusive' | 'pass', windows: number): RolloutEvent => {
  const seen = tick(2, 2, { status });
  return {
    ...seen,
    verdict: { ...seen.verdict, findings: seen.verdict.findings.map((each) => ({ ...each, windows })) },
  };
};
const recall: RolloutEvent = {
  ...{ type: 'RecallOrdered', at: minute(9.5), nth: 2, weight: 25, reason: 'odd', remaining: 180 },
};
const lacking = paused(12, { by: SPILLWAY, why: 'inconclusive', reason: 'too little came' });
const held = [
  opened({
    plan: plan({ steps: [{ weight: 90, bakeSeconds: 480, maxBakeSeconds: 480, isHoldout: true }] }),
  }),
  ...raised(90, 1, 0.5),
];
const first = 'the first minute at this weight has not settled yet';

test.each<[string, RolloutEvent[], string]>([
  ['nothing yet', [opened()], 'just opened'],
  ['nothing at a new weight', onFirstStep(), first],
  [
    'that no minute has settled, instead of counts of nothing',
    [...onFirstStep(), verdictOf('inconclusive', 0)],
    first,
  ],
  ['what was measured last', [...onFirstStep(), measured('pass', [1, 2])], 'it is pass'],
  ['how much stays on stable until when', held, `holdout: 10 % stay on stable until 12:10 UTC; ${first}`],
  [
    'the same, and what was measured last',
    [...held, measured('pass', [1, 2])],
    'holdout: 10 % stay on stable until 12:10 UTC; it is pass',
  ],
  ['a gate', [...onFirstStep({ gates }), open(50)], 'waits for approval before 50 %'],
  [
    'a gate that one of two approved',
    [...onFirstStep({ gates }), open(50), approved('ada')],
    'waits for approval before 50 %',
  ],
  [
    'no gate that was approved',
    [...onFirstStep({ gates }), open(50), approved('ada'), approved('joan')],
    first,
  ],
  [
    'the first gate that was not',
    [...onFirstStep({ gates }), open(10), approved('ada', 10), open(50)],
    'waits for approval before 50 %',
  ],
  [
    'why it leaves, before all else',
    [...onFirstStep({ gates }), open(50), paused(2), aborted(3)],
    'ada aborted: it looks odd',
  ],
  ['why it is paused', [...onFirstStep({ gates }), open(50), paused(2)], 'lunch'],
  ['why it is paused, whatever was measured', [...onFirstStep(), tick(2, 3), paused(4)], 'lunch'],
  ['what it lacks', [...onFirstStep(), lacking], 'too little came'],
  ['what it lacks, after a pass', [...onFirstStep(), lacking, measured('pass', [1, 12])], 'too little came'],
  [
    'what it lacks, and lacks still',
    [...onFirstStep(), lacking, measured('inconclusive', [1, 12])],
    'too little came; now: it is inconclusive; it resumes by itself once a whole bake passes',
  ],
  ['a recall on its way', [...inVerify(), recall], 'recall 2 to 25 %: odd; the canary is on its way back'],
  [
    'a recall that stands',
    [...inVerify(), recall, ...raised(25, 4, 9.7)],
    'recall 2 to 25 %: odd; returns at 12:21 UTC if nothing speaks against the canary, and a person is asked at 12:41 UTC',
  ],
  [
    'a recall that stands, and what was measured last',
    [...inVerify(), recall, ...raised(25, 4, 9.7), measured('pass', [10, 11])],
    'recall 2 to 25 %: odd; returns at 12:21 UTC if nothing speaks against the canary, and a person is asked at 12:41 UTC; so far: it is pass',
  ],
])('the state of a rollout is %s', (_what, history, state) => {
  expect(stateOf(stateAfter(history))).toBe(state);
});

test('an outline has what a list needs, and no more', () => {
  const history = [...onFirstStep({ targets: TWO_TARGETS }), ...raised(10, 2, 0.6, 'worker')];
  const outline = {
    opening: { rolloutId: ROLLOUT_ID, service: 'checkout-api', release: 'r8', attempt: 1, order: 8 },
    ...{ version: 5, openedAt: minute(0), lastEventAt: minute(0.6), step: 0, isPaused: false },
    weights: { api: 10, worker: 10 },
    state: first,
  };
  expect(outlineOf(stateAfter(history))).toStrictEqual(outline);
  expect(outlineText(outline)).toBe(`${ROLLOUT_ID}: api at 10 %, worker at 10 %; ${first}`);
  expect(outlineText({ ...outline, isPaused: true })).toBe(
    `${ROLLOUT_ID}: api at 10 %, worker at 10 %, paused; ${first}`,
  );
  const done = outlineOf(stateAfter(onFirstStep(), reverted(3), closed(3)));
  expect(done).toMatchObject({
    outcome: 'reverted',
    state: 'r8 reverted: it is over; version 7 serves again',
  });
  expect(outlineText(done)).toBe(done.state);
});

test('a state is cut to 800 characters, in an outline and in its text', () => {
  const long = outlineOf(stateAfter(onFirstStep(), paused(2, { reason: 'x'.repeat(900) })));
  expect(long.state).toBe('x'.repeat(800));
  const more = outlineText({ ...long, state: `${long.state}y` });
  expect(more.endsWith(`paused; ${'x'.repeat(800)}`)).toBe(true);
  expect(outlineText(outlineOf(stateAfter(onFirstStep(), promotionOrdered(2))))).toContain('api at 10 %; ');
});

test.each<[string, Partial<RevertedTarget>, number]>([
  ['nothing, once stable serves again', { primary: '7' }, 0],
  ['all, if nothing could be restored', { primary: '8', isStableGone: true }, 100],
  ['what others gave it', { primary: '7', foreign: { 8: 12.5 } }, 12.5],
])('after a revert the canary has %s', (_what, left, weight) => {
  const [event] = [reverted(3)].flat();
  if (event?.type !== 'Reverted') throw new Error('There is no revert.');
  const [target] = event.targets;
  const targets = [{ ...(target as RevertedTarget), ...left }];
  const state = stateAfter(onFirstStep(), { ...event, targets });
  expect(outlineOf(state).weights).toEqual({ api: weight });
  expect(outlineText(outlineOf(state))).toContain(`api at ${weight} %`);
});
