import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../../../core/analysis/types.ts';
import {
  askingsAtNewStep,
  bounded,
  brief,
  bytesOf,
  FOLDED_BYTES_MAX,
  foldedBytesMax,
  HISTORY_BYTES_MAX,
  isPastAsking,
  OPENING_BYTES_MAX,
  TEXT_BYTES_MAX,
  VERDICT_BYTES_MAX,
  withReason,
} from '../../../core/rollout/bounded.ts';
import { decide } from '../../../core/rollout/decide.ts';
import type { Hook, RolloutEvent } from '../../../core/rollout/event.ts';
import { serviceAfter } from '../../../core/rollout/service.ts';
import { evolve, fold, type Rollout } from '../../../core/rollout/state.ts';
import { sampled } from '../../deep.ts';
import {
  actor,
  closed,
  given,
  minute,
  onFirstStep,
  opened,
  pairs,
  plan,
  raised,
  reverted,
  target,
} from './given.ts';

/** What an item may take (DynamoDB service quotas). */
const ITEM_BYTES = 400 * 1024;

/** Characters that take one to six bytes in JSON, half of one among them. */
const CHARACTERS = ['x', '"', '\u0000', 'é', '漢', '😀', '\ud83d', '\\'];

const names = Array.from({ length: 20 }, (_, nth) => `target-${nth}`);
const METRICS = [
  ...['errors', 'http5xx', 'throttles', 'latency', 'p95', 'traffic', 'probes'],
  ...Array.from({ length: 10 }, (_, nth) => `custom.count-${nth}`),
] as Finding['metric'][];

const hooks: Hook[] = (['afterStep', 'beforeStep'] as const).flatMap((point) =>
  Array.from({ length: 10 }, (_, nth) => ({
    ...{ id: `${point}.${nth + 1}`, point, kind: 'lambda', target: names[0] ?? '' },
    ...{ spec: { functionName: 'f' }, timeoutSeconds: 30, onBroken: 'ignore' as const },
  })),
);
const steps = Array.from({ length: 99 }, (_, at) => ({
  weight: at + 1,
  bakeSeconds: 60,
  maxBakeSeconds: 60,
}));
const largest = opened({
  targets: names.map((name) => target(name)),
  hooks,
  gates: steps.map(({ weight }) => ({
    ...{ before: weight, approvers: 10, by: [], timeoutSeconds: 60, onTimeout: 'revert' as const },
  })),
  plan: plan({ steps, onInconclusive: 'promote' }),
});

/** The largest verdict that rules and targets allow, with these words in it. */
const verdictSaying = (text: string): Verdict => ({
  ...{ status: 'suspect', reason: text, from: 0, to: 0, evidence: -1.2345678901234567, limit: 4.6 },
  findings: names.flatMap((name) =>
    METRICS.map((metric) => ({
      ...{ target: name, metric, status: 'broken' as const, windows: 10_000, evidence: -1.2345678901234567 },
      canary: { bad: 999_999_999, total: 999_999_999 },
      stable: { bad: 999_999_999, total: 999_999_999 },
      odds: { low: 1.2345678901234567, high: 1.2345678901234567 },
      ...{ needed: text, skipped: Array.from({ length: 6 }, () => text), reason: text },
    })),
  ),
});

/** Everything that can happen up to the last step, each thing in a minute of its own, and every text as long as somebody likes. */
function* history(text: string, answer: 'inconclusive' | 'broken' | 'pass'): Generator<RolloutEvent> {
  let seq = 0;
  const at = () => minute(++seq);
  for (const [step, { weight }] of steps.entries()) {
    for (const { id, point } of hooks) {
      const hook = `${id}@${point === 'afterStep' ? step - 1 : step}`;
      yield { type: 'HookStarted', at: at(), hook, until: minute(seq) };
      yield { type: 'HookAnswered', at: at(), hook, status: answer, reason: text };
    }
    yield { type: 'GateOpened', at: at(), gate: weight, until: minute(seq) };
    for (let approver = 0; approver < 10; approver++)
      yield { type: 'Approved', at: at(), gate: weight, by: actor(`${approver} ${'n'.repeat(200)}`) };
    for (const name of names) {
      const token = { rolloutId: 'checkout-api--r8--1', epoch: 1, seq, open: true };
      yield { type: 'ShiftIntended', at: at(), target: name, weight, token, expiresAt: minute(seq) };
      yield { type: 'Shifted', at: at(), target: name, weight, token };
    }
    const probes = Object.fromEntries(
      names.map((name) => [name, pairs(9, { failure: text, skippedWhy: text })]),
    );
    // Two of them are as good as all: only the newest one stands in the head.
    if (step % 50 === 0)
      yield { type: 'Measured', at: at(), verdict: verdictSaying(text), alarms: [], probes };
    yield {
      type: 'Paused',
      at: at(),
      by: actor(text),
      reason: text,
      until: minute(seq),
      why: 'inconclusive',
    };
    yield { type: 'PromotionOrdered', at: at(), by: actor(text), full: false };
    yield { type: 'Deferred', at: at(), until: minute(seq), reason: text };
  }
}

/** Folds a history as a journal does; answers the largest head on the way. */
function played(events: Iterable<RolloutEvent>): { rollout: Rollout; largestHead: number } {
  let rollout = fold([largest]) as Rollout;
  const began = bytesOf(rollout);
  let largestHead = 0;
  for (const event of events) {
    const kept = bounded(event);
    rollout = evolve(rollout, kept);
    if (event.type === 'Measured') largestHead = Math.max(largestHead, bytesOf(rollout) - began);
  }
  return { rollout, largestHead: Math.max(largestHead, bytesOf(rollout) - began) };
}

describe('the head of a rollout', () => {
  test('has room for its end beside the largest opening', () => {
    for (const opening of [2_000, 40_000, OPENING_BYTES_MAX])
      expect(opening + HISTORY_BYTES_MAX + foldedBytesMax(opening)).toBeLessThan(ITEM_BYTES - 32 * 1024);
    expect(foldedBytesMax(OPENING_BYTES_MAX)).toBe(FOLDED_BYTES_MAX);
    // What is folded travels in the event of its tick, beside the verdict.
    expect(foldedBytesMax(0) + VERDICT_BYTES_MAX).toBeLessThan(ITEM_BYTES - 32 * 1024);
  });

  test.each(sampled(['inconclusive', 'broken', 'pass'] as const, 3))(
    'stays within its bound whatever is said and however often, with hooks that answer %s',
    (answer) => {
      fc.assert(
        fc.property(fc.constantFrom(...CHARACTERS), fc.constantFrom(100, 999, 3_000), (character, length) => {
          const text = character.repeat(length);
          const { rollout, largestHead } = played(history(text, answer));
          expect(largestHead).toBeLessThan(HISTORY_BYTES_MAX - 16 * 1024);
          // A rollout in this state can always end, and its service remembers it.
          const at = rollout.lastEventAt;
          const leaving = decide(rollout, { type: 'Abort', by: actor(text), reason: text }, at).map(bounded);
          const left = leaving.reduce<Rollout>(evolve, rollout);
          const seen = names.map((name) => ({ name, primary: '7', changed: true, drifted: false }));
          const end = { type: 'RecordRevert', targets: seen, cause: 'human', reason: text } as const;
          const ended = decide(left, end, at).map(bounded).reduce<Rollout>(evolve, left);
          expect(ended.outcome).toBe('reverted');
          expect(bytesOf(ended) - bytesOf(fold([largest]))).toBeLessThan(HISTORY_BYTES_MAX);
          for (const event of [...leaving, ...decide(left, end, at).map(bounded)])
            expect(bytesOf(event)).toBeLessThan(64 * 1024);
        }),
        { numRuns: 1 },
      );
    },
  );

  test('forgets what earlier steps have asked, and takes a repeated answer for it without an error', () => {
    const hook: Hook = {
      ...{
        id: 'afterStep.1',
        point: 'afterStep',
        kind: 'lambda',
        target: 'api',
        spec: { functionName: 'f' },
      },
      ...{ timeoutSeconds: 30, onBroken: 'revert' },
    };
    const first: RolloutEvent = {
      ...{ type: 'HookAnswered', at: minute(12), hook: 'afterStep.1@0', status: 'pass', reason: 'ok' },
    };
    const events = [...onFirstStep({ hooks: [hook] }), first, ...raised(50, 2, 13)];
    expect(fold(events)?.hooks).toEqual({});
    const again = { type: 'AnswerHook', status: 'pass', reason: 'ok', isCallback: true } as const;
    given(events)
      .when({ ...again, hook: 'afterStep.1@0' }, 14)
      .thenNothing();
    given(events)
      .when({ ...again, hook: 'afterStep.1@7' }, 14)
      .thenRefused('CommandRefused', /has not asked/);
  });
});

describe('a text', () => {
  test('is cut to its bytes, never inside a character, and says so', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 3_000 }),
        fc.integer({ min: 40, max: 2_000 }),
        (text, bytes) => {
          const said = brief(text, bytes);
          expect(bytesOf(said)).toBeLessThanOrEqual(bytes);
          if (bytesOf(text) <= bytes) expect(said).toBe(text);
          else expect(said).toMatch(/ … \(cut\)$/);
          expect(text.startsWith(said.replace(/ … \(cut\)$/, ''))).toBe(true);
        },
      ),
    );
  });

  test('in any event but the opening is at most as long as the limit', () => {
    const long = 'é'.repeat(50_000);
    const events: RolloutEvent[] = [
      { type: 'AlarmRaised', at: 0, alarm: long, since: 0 },
      { type: 'DriftDetected', at: 0, target: 'api', found: long },
      { type: 'Aborted', at: 0, by: actor(long), reason: long },
      { type: 'TookOver', at: 0, epoch: 2, reason: long },
      { ...closed(3, 'reverted'), reason: long } as RolloutEvent,
    ];
    for (const event of events) expect(bytesOf(bounded(event))).toBeLessThan(2 * TEXT_BYTES_MAX + 200);
  });

  test('that is short stays the very same event', () => {
    const event = reverted(3);
    expect(bounded(event)).toBe(event);
  });
});

test('a verdict keeps its most urgent findings where not all fit', () => {
  const verdict = verdictSaying('\u0000'.repeat(5_000));
  const last = verdict.findings.at(-1) as Finding;
  const findings = [...verdict.findings.slice(0, -1), { ...last, status: 'fail' as const }];
  const event = bounded({ type: 'Measured', at: 0, verdict: { ...verdict, findings }, alarms: [] });
  if (event.type !== 'Measured') throw new Error('It is another event now.');
  expect(bytesOf(event.verdict)).toBeLessThanOrEqual(VERDICT_BYTES_MAX);
  expect(event.verdict.findings[0]).toMatchObject({
    target: last.target,
    metric: last.metric,
    status: 'fail',
  });
  expect(event.verdict.findings.length).toBeGreaterThan(20);
  // What is the same for each finding goes first.
  expect(
    event.verdict.findings.flatMap(({ skipped = [], needed }) => [...skipped, needed ?? []].flat()),
  ).toEqual([]);
});

test('what a service remembers of 50 releases with long reasons fits into one item', () => {
  const { type: _, at: __, ...identity } = largest;
  let record = {};
  for (let nth = 0; nth < 60; nth++) {
    const end = { ...reverted(3), cause: 'human', reason: '漢'.repeat(5_000) } as RolloutEvent;
    const opening = opened({ ...identity, release: `release-${nth}` });
    const rollout = [bounded(end), bounded(closed(4, 'reverted'))].reduce<Rollout>(
      evolve,
      fold([opening]) as Rollout,
    );
    record = serviceAfter(record, rollout);
  }
  expect(bytesOf(record)).toBeLessThan(ITEM_BYTES / 2);
});

describe('of hooks that a new step finds', () => {
  const asking = (at: number, status = 'started') => [`afterStep.1@${at}`, { status }] as const;

  test('those of steps that were answered are asked no more, and of many the newest are kept', () => {
    const open = Array.from({ length: 60 }, (_, at) => asking(at, at % 2 === 0 ? 'started' : 'broken'));
    const all = Object.fromEntries([['beforeTraffic.1', { status: 'pass' }], ...open, asking(60, 'pass')]);
    expect(Object.keys(askingsAtNewStep(all))).toEqual([
      'beforeTraffic.1',
      ...open.slice(10).map(([id]) => id),
    ]);
  });

  test.each([
    ['afterStep.1@1', true],
    ['afterStep.1@2', false],
    ['afterStep.1@3', false],
    ['beforeStep.1@1', true],
    ['beforeStep.1@2', true],
    ['beforeStep.1@3', false],
    ['beforeStep.1', false],
    ['unknown.1@1', false],
  ])('at step 2 %s belongs to a step that was left: %j', (id, isPast) => {
    expect(isPastAsking(id, { asked: hooks, step: 2 })).toBe(isPast);
  });
});

test('a reason is kept once, and of many the first ones, with a word that there were others', () => {
  const names = Array.from({ length: 25 }, (_, nth) => `reason ${nth}`);
  const said = [...names, 'reason 3', 'reason 24'].reduce<string[]>(withReason, []);
  expect(said).toEqual([...names.slice(0, 19), 'and other reasons, which its events hold']);
  expect(withReason(withReason([], 'x'), 'x')).toEqual(['x']);
});
