import { describe, expect, test } from 'vitest';
import { judge } from '../../../core/analysis/judge.ts';
import type { ReadWindow, Series } from '../../../core/analysis/types.ts';
import { SPILLWAY } from '../../../core/rollout/actor.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import { trialOf } from '../../../core/rollout/trial.ts';
import { directiveAt, given, inVerify, minute, onFirstStep, paused, stateAfter } from '../rollout/given.ts';

const count = (total: number) => ({ bad: 0, total });
const stable = (from: number, to: number) =>
  Array.from(
    { length: to - from },
    (_, at): ReadWindow => ({ start: minute(from + at), stable: count(600) }),
  );
const canary = (from: number, to: number) =>
  Array.from(
    { length: to - from },
    (_, at): ReadWindow => ({ start: minute(from + at), canary: count(600) }),
  );
const lost = (from: number, to: number, side = 'the canary') =>
  Array.from(
    { length: to - from },
    (_, at): ReadWindow => ({ start: minute(from + at), unknown: `${side} was counted by half` }),
  );

/** A canary at 100 % since 8:30 that is invoked and counts no answers. */
const runs = (to: number) => [...stable(-6, 8), ...canary(9, to)];
const silent = (to: number): Series => ({ errors: runs(to), http5xx: stable(-6, 8) });
/** The same, read with so many minutes by half that no minute of the two can be put together. */
const patchy = (to: number) => ({
  errors: [...lost(-6, 8, 'stable'), ...canary(9, to)],
  http5xx: stable(-6, 8),
});

const judged = (history: RolloutEvent[], api: Series | undefined, at: number) =>
  judge(
    trialOf(stateAfter(history)),
    {
      series: api === undefined ? {} : { api },
      alarms: [],
      ...(api === undefined ? { broken: 'no answer' } : {}),
    },
    minute(at),
  );
/** The history after ticks that each read one minute more, the last to settle one minute before. */
const ticks = (history: RolloutEvent[], ...read: ((to: number) => Series | undefined)[]) => {
  const events = [...history];
  for (const [nth, of] of read.entries()) {
    const at = 12 + nth;
    events.push({ type: 'Measured', at: minute(at), alarms: [], verdict: judged(events, of(at - 1), at) });
  }
  return events;
};
const statusOf = (history: RolloutEvent[]) =>
  history.flatMap((event) => (event.type === 'Measured' ? [event.verdict.status] : [])).at(-1);
const unread = () => undefined;

describe('a rule that could not be measured', () => {
  const broken = ticks(inVerify(), silent);

  test('is broken first, and a reading with as little by itself is not', () => {
    expect(statusOf(broken)).toBe('broken');
    expect(judged(inVerify(), patchy(11), 12).status).toBe('inconclusive');
  });

  test('stays broken in a reading of which minutes are missing, also after one that failed', () => {
    expect(statusOf(ticks(inVerify(), silent, patchy))).toBe('broken');
    expect(statusOf(ticks(inVerify(), silent, unread, patchy, patchy))).toBe('broken');
  });

  test('keeps its pause and verify until more of it is counted', () => {
    const held = [...broken, paused(12, { why: 'broken', by: SPILLWAY })];
    const verdict = judged(held, patchy(12), 13);
    const event: RolloutEvent = { type: 'Measured', at: minute(13), alarms: [], verdict };
    given(held).when({ type: 'RecordMeasure', verdict, alarms: [] }, 13).then(event);
    expect(directiveAt(13, ticks(inVerify(), silent, patchy)).kind).toBe('hold');
    expect(stateAfter(ticks(inVerify(), silent, patchy)).brokenInRow).toBe(2);
  });

  test('is measured again by a whole reading of a service that nobody calls', () => {
    const half = (): Series => ({ errors: lost(1, 3), http5xx: lost(1, 3), throttles: lost(1, 3) });
    const whole = (): Series => ({ errors: [], http5xx: [], throttles: [] });
    const first = judged(onFirstStep(), half(), 4);
    expect(first.status).toBe('broken');
    const event: RolloutEvent = { type: 'Measured', at: minute(4), alarms: [], verdict: first };
    expect(judged([...onFirstStep(), event], half(), 5).status).toBe('broken');
    expect(judged([...onFirstStep(), event], whole(), 5).status).toBe('inconclusive');
  });

  test('is measured again once its canary is counted, whatever else is missing', () => {
    const back = (to: number): Series => ({
      errors: patchy(to).errors,
      http5xx: [...lost(-6, 8, 'stable'), ...canary(9, to)],
    });
    expect(statusOf(ticks(inVerify(), silent, patchy, back))).toBe('pass');
  });
});
