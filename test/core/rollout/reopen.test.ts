import { describe, expect, test } from 'vitest';
import { RolloutError } from '../../../core/errors.ts';
import type { Completed, ServiceRecord } from '../../../core/ports.ts';
import { type Command, decide } from '../../../core/rollout/decide.ts';
import type { Quarantined, RevertedTarget } from '../../../core/rollout/event.ts';
import { next } from '../../../core/rollout/next.ts';
import {
  asleep,
  attemptAfter,
  type BlockedWay,
  noWayBack,
  passedOver,
  rollBackOf,
  waysBack,
} from '../../../core/rollout/reopen.ts';
import type { Rollout } from '../../../core/rollout/state.ts';
import { thrownBy } from '../config/files.ts';
import {
  aborted,
  actor,
  closed,
  inVerify,
  minute,
  onFirstStep,
  ROLLOUT_ID,
  reverted,
  smokeHooks,
  stateAfter,
  target,
} from './given.ts';

const served = (version: string, name = 'api') => {
  const { stable: _, canary: __, ...rest } = target(name);
  return { ...rest, version };
};
const release = (number: number, ...targets: ReturnType<typeof served>[]): Completed => ({
  release: `r${number}`,
  order: number,
  rolloutId: `checkout-api--r${number}--1`,
  manifest: { bucket: 'releases', key: `releases/checkout-api/r${number}/manifest.json`, versionId: 'v1' },
  targets: targets.length === 0 ? [served(`${number}`)] : targets,
});
const record: ServiceRecord = { completed: release(8), earlier: [release(7), release(6)] };
const done = (more = {}) => stateAfter(inVerify(more), closed(12, 'completed'));
const id = { rolloutId: 'checkout-api--r7--2', attempt: 2 };
const why = { by: actor('ada'), reason: 'orders look odd' };

function back(rollout = done(), service = record) {
  const [way] = waysBack(rollout, service);
  if (way === undefined) throw new Error('There is no way back.');
  const [event, ordered] = rollBackOf(rollout, way, why, id, ['a notice'], minute(20));
  if (event?.type !== 'RolloutOpened' || ordered === undefined)
    throw new Error('A rollback is opened and ordered.');
  return { event, ordered };
}

function refusal(run: () => unknown): string {
  const error = thrownBy(run);
  expect(RolloutError.is(error, 'CommandRefused'), error.message).toBe(true);
  return error.message;
}

describe('a rollback', () => {
  test('leads to what served before, and is named after that', () => {
    const { event } = back();
    expect(event).toMatchObject({
      rolloutId: 'checkout-api--r7--2',
      attempt: 2,
      release: 'r7',
      order: 7,
      manifest: release(7).manifest,
      targets: [{ name: 'api', stable: '7', canary: '8' }],
    });
  });

  test('is ordered from its first event on: it asks nobody, raises nothing and waits for nothing', () => {
    const gates = [{ before: 10, approvers: 1, by: [], timeoutSeconds: 60, onTimeout: 'revert' as const }];
    const { event, ordered } = back(
      done({ hooks: smokeHooks('/health'), gates, alarms: [{ name: 'a', red: true }] }),
    );
    expect(event).toMatchObject({ hooks: [], gates: [], alarms: [], limits: [], reversible: true });
    expect(next(stateAfter(event, ordered), minute(20))).toMatchObject({ kind: 'revert', cause: 'human' });
  });

  test('is completed once the older version serves every target, whoever put it there', () => {
    const { event, ordered } = back();
    const found = { name: 'api', primary: '7', changed: false, drifted: false };
    const state = stateAfter(event, ordered);
    const end = (targets: RevertedTarget[]) =>
      decide(state, { type: 'RecordRevert', targets, cause: 'environment', reason: 'x' }, minute(21)).at(-1);
    expect(end([found])).toMatchObject({
      outcome: 'completed',
      reason: 'ada rolled r8 back: orders look odd',
    });
    expect(end([{ ...found, primary: '8' }])).toMatchObject({
      outcome: 'halted',
      reason: expect.stringContaining('api still serves version 8'),
    });
    expect(end([{ ...found, primary: '9', drifted: true }])).toMatchObject({
      outcome: 'halted',
      reason: expect.stringContaining('api serves version 9'),
    });
    expect(end([{ ...found, primary: '8', isStableGone: true }])).toMatchObject({
      outcome: 'halted',
      reason: expect.stringContaining('version 7 of api does not exist any more, so version 8 still serves'),
    });
  });

  test.each(['Abort', 'Pause', 'Resume', 'Promote'] as const)(
    'takes no %s: it has one direction, and says how to serve the newer release again',
    (type) => {
      const { event, ordered } = back();
      const command = { type, by: actor('bob'), reason: 'no', full: true } as Command;
      expect(refusal(() => decide(stateAfter(event, ordered), command, minute(21)))).toMatch(
        /is a rollback: it leads to version 7 of api.* retry checkout-api--r8--1/,
      );
    },
  );

  test('says whose it is, why, and which versions it blames', () => {
    const { event } = back();
    expect(event.notices).toContain('a notice');
    expect(event.rollsBack).toEqual({
      release: 'r8',
      rolloutId: ROLLOUT_ID,
      reason: 'ada rolled it back: orders look odd',
      made: { api: { version: '8' } },
    });
  });

  test('blames the exact artifact that served, with its code and its configuration', () => {
    const made = { api: { version: '8', code: 'bad', config: 'c8' } };
    const { event } = back(done(), { ...record, completed: { ...release(8), made } });
    expect(event.rollsBack?.made).toEqual(made);
  });

  test('does not take what another version was made of for what served', () => {
    const made = { api: { version: '3', code: 'other', config: 'c3' } };
    const completed = { ...release(8), made };
    const { event } = back(done(), { completed, earlier: [{ ...release(7), made }] });
    expect(event.rollsBack?.made).toEqual({ api: { version: '8' } });
    expect(event.made).toEqual({ api: { version: '7' } });
  });

  test('keeps nothing of the opening that only its release brought', () => {
    const adopted = { reason: 'a deployment put it there', beside: [target('mailer')] };
    const more = { adopted, unchanged: [target('worker')], digests: ['x'] };
    const { event } = back(done(more));
    expect(done(more).opening).toMatchObject(more);
    expect([event.adopted, event.unchanged, event.digests, event.commit]).toEqual(Array(4).fill(undefined));
  });

  test('never leads to a release that served the same versions, since nothing would change', () => {
    const same = { ...release(7), targets: [served('8')] };
    const ways = waysBack(done(), { completed: release(8), earlier: [same, release(6)] });
    expect(ways.map(({ to }) => to.release)).toEqual(['r6']);
  });

  test('leaves a target alone that had another alias under the same name', () => {
    const moved = {
      ...served('3', 'worker'),
      key: 'aws:123456789012:eu-central-1:lambda-alias/older-worker/live',
    };
    const completed = release(8, served('8'), served('4', 'worker'));
    const { event } = back(done(), { completed, earlier: [release(7, served('7'), moved)] });
    expect(event.targets).toMatchObject([{ name: 'api', stable: '7', canary: '8' }]);
  });

  test('moves only the targets that served something else, and leaves those that are newer than the goal', () => {
    const completed = release(8, served('8'), served('4', 'worker'), served('1', 'mailer'));
    const earlier = [release(7, served('8'), served('3', 'worker'))];
    const { event } = back(done(), { completed, earlier });
    expect(event.targets).toMatchObject([{ name: 'worker', stable: '3', canary: '4' }]);
  });

  test('passes over what is in quarantine, under whatever name', () => {
    const bad = (number: number, version = `${number}`) => ({
      release: `r${number}`,
      rolloutId: `checkout-api--r${number}--1`,
      reason: 'it failed',
      made: { api: { version } },
    });
    const ways = (quarantined: Quarantined[]) =>
      waysBack(done(), { ...record, quarantined }).map(({ to }) => to.release);
    expect(ways([])).toEqual(['r7', 'r6']);
    expect(ways([bad(7)])).toEqual(['r6']);
    expect(ways([bad(5, '7')])).toEqual(['r6']);
    expect(refusal(() => ways([bad(7), bad(6)]))).toMatch(
      /r7 \(version 7 of api\) is in quarantine, and r6 .*release a repaired version/,
    );
  });

  test('is refused if nothing good served before', () => {
    expect(refusal(() => waysBack(done(), { completed: release(8) }))).toContain(
      'no good release served before it',
    );
  });

  test('is refused with the versions that do not exist any more, and with the fix', () => {
    const [way] = waysBack(done(), record);
    if (way === undefined) throw new Error('There is no way back.');
    const blocked = (state: 'gone' | 'failed') => ({
      way,
      lost: way.targets.map((target) => ({ target, state })),
    });
    const both: BlockedWay = {
      ...blocked('gone'),
      lost: [
        { target: target('api'), state: 'gone' },
        { target: target('worker', { stable: '3' }), state: 'failed' },
      ],
    };
    const older: BlockedWay = { ...blocked('failed'), way: { ...way, to: release(6) } };
    const texts =
      'version 7 of api, which does not exist any more and version 3 of worker, which exists but cannot serve';
    expect(noWayBack(done(), [both, older]).message).toBe(
      `${ROLLOUT_ID} cannot be rolled back: r7 needs ${texts}; r6 needs version 7 of api, which exists but cannot serve; nothing was changed. Publish the older code as a new version and release that.`,
    );
    expect(passedOver(both)).toBe(`r7 was passed over: it needs ${texts}`);
    expect(asleep(target())).toBe(
      'version 7 of api is Inactive: requests to it fail until Lambda has prepared it again, which begins with the first of them',
    );
  });

  test('is written with who ordered it, what is blamed, and what it leads to', () => {
    const { event, ordered } = back();
    expect(ordered).toStrictEqual({
      ...{ type: 'RevertOrdered', at: minute(20), cause: 'human', outcome: 'reverted' },
      reason: 'ada rolled r8 back: orders look odd',
    });
    expect(event).toMatchObject({
      notices: [`ada rolls back ${ROLLOUT_ID}: orders look odd`, 'a notice'],
      rollsBack: { release: 'r8', rolloutId: ROLLOUT_ID, reason: 'ada rolled it back: orders look odd' },
      by: actor('ada'),
      made: { api: { version: '7' } },
    });
    expect(event.rollsBack?.made).toEqual({ api: { version: '8' } });
  });

  test.each<[string, Rollout, RegExp]>([
    ['under way', stateAfter(onFirstStep()), /still under way.*abort it instead/],
    ['reverted', stateAfter(onFirstStep(), reverted(3), closed(3)), /is reverted; only a completed/],
  ])('of a rollout that is %s is refused', (_what, rollout, message) => {
    expect(refusal(() => waysBack(rollout, record))).toMatch(message);
  });

  test('of a release that does not serve any more is refused with the one that does', () => {
    expect(refusal(() => waysBack(done(), { completed: release(9) }))).toContain('checkout-api--r9--1');
    expect(refusal(() => waysBack(done(), {}))).toContain('nothing completed here');
  });
});

describe('a retry', () => {
  test('is the next attempt after one that did not complete', () => {
    expect(attemptAfter(stateAfter(onFirstStep({ attempt: 3 }), reverted(3), closed(3)), {})).toBe(4);
    expect(attemptAfter(stateAfter(onFirstStep(), aborted(2), reverted(3), closed(3, 'halted')), {})).toBe(2);
  });

  test('of a rollout that is under way or has completed is refused', () => {
    expect(refusal(() => attemptAfter(stateAfter(onFirstStep()), {}))).toMatch(
      /still under way; abort it first/,
    );
    expect(refusal(() => attemptAfter(done(), {}))).toMatch(/completed; there is nothing to try again/);
  });

  test('of a release that was rolled back after it completed is possible: its quarantine says so', () => {
    const { release, rolloutId } = done().opening;
    const quarantined = [
      { release, rolloutId, reason: 'ada rolled it back', made: { api: { version: '8' } } },
    ];
    expect(attemptAfter(done(), { quarantined })).toBe(2);
    const [bad] = quarantined;
    const others = [{ ...bad, release: 'r6' }] as typeof quarantined;
    expect(refusal(() => attemptAfter(done(), { quarantined: others }))).toMatch(/nothing to try again/);
  });
});
