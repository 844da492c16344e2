import { describe, expect, test } from 'vitest';
import type { Finding, Verdict } from '../../../core/analysis/types.ts';
import { type Overview, overviewer } from '../../../core/people/overview.ts';
import type { RolloutEvent } from '../../../core/rollout/event.ts';
import {
  actor,
  closed,
  inVerify,
  measured,
  minute,
  onFirstStep,
  paused,
  raised,
  revertOrdered,
} from '../rollout/given.ts';

function shown(events: readonly RolloutEvent[], ended?: string): Overview {
  const told = overviewer();
  for (const event of events) told.add(event);
  return told.show(ended) as Overview;
}

const finding = (
  canary: [number, number],
  stable: [number, number],
  more: Partial<Finding> = {},
): Finding => ({
  target: 'api',
  metric: 'errors',
  status: 'pass',
  canary: { bad: canary[0], total: canary[1] },
  stable: { bad: stable[0], total: stable[1] },
  windows: 1,
  evidence: 0,
  reason: `errors: canary ${canary[0]} of ${canary[1]} failed`,
  ...more,
});

/** A tick of the first step whose counts go up to a minute. */
const tick = (at: number, to: number, findings: Finding[], more: Partial<Verdict> = {}): RolloutEvent => {
  const seen = measured('inconclusive', [1, to]);
  const verdict = { ...seen.verdict, findings, evidence: 0, limit: Math.log(100), ...more };
  return { ...seen, at: minute(at), verdict };
};

const reverted: RolloutEvent[] = [
  ...onFirstStep(),
  tick(3, 2, [finding([0, 20], [1, 180])]),
  tick(4, 3, [finding([1, 50], [1, 400])], { evidence: Math.log(10) }),
  tick(5, 4, [finding([9, 90], [2, 700], { status: 'fail', evidence: 5 })], {
    status: 'fail',
    evidence: 5,
  }),
  revertOrdered(5),
  {
    type: 'Reverted',
    at: minute(5),
    targets: [{ name: 'api', primary: '7', changed: true, drifted: false }],
    cause: 'canary',
    reason: 'canary 9 of 90 failed',
    exposure: { requests: 90, failed: 9, seconds: 240 },
  },
  closed(5),
];

describe('a rollout at its first step', () => {
  const running = shown([...onFirstStep(), tick(3, 2, [finding([0, 20], [1, 180])])]);

  test('says how it stands, what users met, and what happens next if nobody acts', () => {
    expect(running).toMatchObject({
      phase: 'running',
      weight: 10,
      headline: expect.stringContaining('has 10 % of the traffic, step 1 of'),
      met: '20 requests reached the new version and 0 of them failed (0 %)',
      share: '10 % of the traffic is meant for the new version; 10 % of the newest requests',
      next: expect.stringMatching(/^it goes to \d+ % at \d\d:\d\d UTC at the earliest, if it passes$/),
    });
  });

  test('says what share the canary has by the minutes since its newest raise alone', () => {
    const moved = [
      ...onFirstStep(),
      tick(3, 2, [finding([0, 20], [1, 180])]),
      measured('pass', [1, 3]),
      ...raised(50, 2, 4.2),
    ];
    expect(shown(moved).share).toBe('50 % of the traffic is meant for the new version');
    const seen = tick(8, 7, [finding([0, 50], [0, 150])], { from: minute(5) });
    expect(shown([...moved, seen]).share).toBe(
      '50 % of the traffic is meant for the new version; 25 % of the newest requests',
    );
  });

  test('offers what can be ordered, with what it does and the role that it takes', () => {
    expect(running.choices.map(({ command, needs }) => [command, needs])).toEqual([
      ['abort', 'operator'],
      ['pause', 'operator'],
      ['promote', 'operator'],
    ]);
    expect(running.choices[0]?.does).toBe('Traffic goes back to version 7 at once.');
  });

  test('expects the steps that are to come one after the other', () => {
    const { steps } = running;
    expect(steps.map(({ status }) => status)).toEqual(['now', ...steps.slice(1).map(() => 'ahead')]);
    for (const [at, { from, to, isExpected }] of steps.slice(1).entries()) {
      expect(isExpected).toBe(true);
      expect(from).toBe(steps[at]?.to);
      expect(to).toBeGreaterThan(from ?? Number.POSITIVE_INFINITY);
    }
  });

  test('expects nothing while it is paused', () => {
    const { steps, phase, choices } = shown([...onFirstStep(), paused(3)]);
    expect(phase).toBe('paused');
    expect(steps.filter(({ isExpected }) => isExpected)).toEqual([]);
    expect(choices.map(({ command }) => command)).toContain('resume');
  });
});

test('the minutes in which one of two targets fails are counted beside those of the other one', () => {
  const web = (bad: number, total: number, more: Partial<Finding> = {}) =>
    finding([bad, total], [1, 9 * total], { target: 'web', ...more });
  const { points, met, captions } = shown([
    ...onFirstStep(),
    tick(3, 2, [web(10, 100), finding([0, 100], [0, 900])]),
    tick(4, 3, [web(40, 200, { status: 'fail', evidence: 5 }), finding([0, 200], [0, 1_800])], {
      status: 'fail',
      evidence: 5,
    }),
  ]);
  expect(points.map(({ canary }) => canary)).toEqual([
    { bad: 10, total: 200 },
    { bad: 30, total: 200 },
  ]);
  expect(met).toBe('400 requests reached the new version and 40 of them failed (10 %)');
  expect(captions.failures).toMatch(/^The new version failed 10 %,/);
});

test.each([
  ['human', /^it is reverted unless somebody resumes it by /],
  ['broken', /^it is reverted unless it can be measured again or somebody resumes it by /],
  ['inconclusive', /^it is reverted unless a whole bake passes or somebody resumes it by /],
] as const)('a pause (%s) says what ends it without a revert', (why, says) => {
  expect(shown([...onFirstStep(), paused(3, { why })]).next).toMatch(says);
});

describe('a rollout that waits at a gate', () => {
  const at = (reject?: 'ends') => {
    const gate = {
      ...{ before: 50, approvers: 1, by: [], timeoutSeconds: 3_600, onTimeout: 'revert' as const },
      ...(reject && { reject }),
    };
    const events = onFirstStep({ gates: [gate] });
    return shown([...events, { type: 'GateOpened', at: minute(4), gate: 50, until: minute(64) }]);
  };
  const does = (overview: Overview, name: string) =>
    overview.choices.find(({ command }) => command === name)?.does;

  test('says until when somebody can answer it, and what each answer does', () => {
    expect(at().next).toBe('it is reverted unless the gate before 50 % is answered by 13:04 UTC');
    expect(does(at(), 'promote')).toBe(
      'It goes past step 1 without waiting for evidence, but waits for approval before 50 %.',
    );
    expect(does(at(), 'reject')).toBe('The rollout is paused where it is until a person decides.');
    expect(does(at('ends'), 'reject')).toBe(
      'The release is reverted: traffic goes back to version 7 at once.',
    );
  });
});

describe('a rollout whose versions another one has replaced', () => {
  const replaced = 'version 8 served then, and version 9 serves now (checkout-api--r9--1)';

  test('is not said to serve, and cannot be rolled back', () => {
    const completed = [...inVerify(), closed(12, 'completed')];
    expect(shown(completed).headline).toMatch(/; r8 has all traffic$/);
    expect(shown(completed).choices.map(({ command }) => command)).toEqual(['rollback']);
    const now = shown(completed, replaced);
    expect(now.headline).toMatch(/; r8 had all traffic then$/);
    expect(now.states).toEqual([replaced]);
    expect(now.choices).toEqual([]);
  });

  test('is not said to have traffic on the version to which it was reverted', () => {
    expect(shown(reverted, replaced).headline).toMatch(/; all traffic was on version 7 then$/);
  });
});

describe('a rollout that was reverted', () => {
  const ended = shown(reverted);

  test('says what serves and what users met, and offers to try it again', () => {
    expect(ended).toMatchObject({
      phase: 'reverted',
      weight: 0,
      headline: expect.stringMatching(
        /reverted at \d\d:\d\d UTC, 5 min after it opened; all traffic is on version 7$/,
      ),
      met: '90 requests reached the new version and 9 of them failed (10 %)',
      evidence: expect.stringMatching(/^The evidence crossed the line that reverts/),
    });
    expect(ended.next).toBeUndefined();
    expect(ended.choices.map(({ command }) => command)).toEqual(['retry']);
  });

  test('draws the counts that its sentences say: each minute once', () => {
    const counted = ended.points.map(({ to, minutes, canary }) => [to, minutes, canary]);
    expect(counted).toEqual([
      [minute(2), 1, { bad: 0, total: 20 }],
      [minute(3), 1, { bad: 1, total: 30 }],
      [minute(4), 1, { bad: 8, total: 40 }],
    ]);
    expect(ended.points.at(-1)?.share).toBeGreaterThan(1);
    expect(ended.captions.failures).toBe('The new version failed 10 %, the old one 0.29 %');
  });

  test('puts raises, alarms and the revert on one axis, in their order', () => {
    const { marks } = shown([
      ...reverted.slice(0, 4),
      {
        type: 'AlarmRaised',
        at: minute(4),
        alarm: 'orders-too-low',
        since: minute(3),
        breachedAt: minute(2),
      },
      ...reverted.slice(4),
    ]);
    const kinds = marks.map(({ kind }) => kind);
    expect(kinds).toEqual(['raise', 'alarm', 'revert']);
    expect(marks[1]).toMatchObject({ at: minute(2), label: 'alarm orders-too-low' });
  });

  test('says of a step where it ended, and of the others that they were not reached', () => {
    expect(ended.steps[0]?.status).toBe('left');
    expect(new Set(ended.steps.slice(1).map(({ status }) => status))).toEqual(new Set(['never']));
  });

  test('says what serves since, if that is known', () => {
    expect(shown(reverted, 'version 9 serves now').states).toEqual(['version 9 serves now']);
  });
});

test('who did something stands with it, and whether somebody vouches for that', () => {
  const { story } = shown([
    ...onFirstStep(),
    {
      type: 'Aborted',
      at: minute(3),
      by: { ...actor('eve'), isVerified: false },
      reason: 'orders are missing',
    },
  ]);
  expect(story.at(-1)).toMatchObject({ by: 'eve', isUnproven: true, importance: 'important' });
});

test('a rollout of days is shown in as many points as a picture has room for, with all that was counted', () => {
  const ticks = Array.from({ length: 3_000 }, (_, at) =>
    tick(at + 3, at + 2, [finding([0, 10 * (at + 1)], [0, 90 * (at + 1)])]),
  );
  const { points, met } = shown([...onFirstStep(), ...ticks]);
  expect(points.length).toBeLessThanOrEqual(400);
  expect(points.reduce((sum, { canary }) => sum + (canary?.total ?? 0), 0)).toBe(30_000);
  expect(met).toContain('30,000 requests');
});

test('before the first event there is nothing to show', () => {
  expect(overviewer().show()).toBeUndefined();
});
