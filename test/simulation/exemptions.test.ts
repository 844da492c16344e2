import { DeleteFunctionCommand, UpdateAliasCommand } from '@aws-sdk/client-lambda';
import { describe, expect, test, vi } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { PLANS, SPILLWAY } from '../../core/rollout/actor.ts';
import type * as Due from '../../core/rollout/due.ts';
import type { RolloutEvent } from '../../core/rollout/event.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import { WINDOW_MS } from '../../core/units.ts';
import { ALIAS } from '../../local/account.ts';
import { ALARM, type Case, caseOf, HOOK } from '../../simulation/case.ts';
import { check } from '../../simulation/checkers/checkers.ts';
import { FAULT_NAMES } from '../../simulation/faults.ts';
import { playCase } from '../../simulation/play.ts';
import type { Run } from '../../simulation/recording.ts';
import { FUNCTION } from '../../simulation/scenario.ts';
import { kindOf, provenBad } from '../../simulation/seed.ts';
import { pinNameOf } from '../../targets/lambda-alias/pin.ts';
import { actor, proven } from '../core/rollout/given.ts';
import { blind, journals, routers } from './planted.ts';
import { broken, faults, MINUTE, type Plot, play, ROLLOUT_ID, SHORT, type Stage } from './stage.ts';

// What excuses a broken promise is as narrow as the reason for it.

/** Windows between two measurements. */
const planted = vi.hoisted(() => ({ windows: 1 }));
vi.mock('../../core/rollout/due.ts', async (original) => {
  const due = await original<typeof Due>();
  return {
    ...due,
    tickDue: (rollout: Rollout) => due.tickDue(rollout) + (planted.windows - 1) * WINDOW_MS,
  };
});

/** A bug: the events of each append are others than those that were decided. */
const appending =
  (
    change: (events: readonly RolloutEvent[], rollout: Rollout) => RolloutEvent[],
  ): NonNullable<Plot['changePorts']> =>
  (ports) =>
    journals(ports, (journal) => ({
      append: (rollout, events) => journal.append(rollout, change(events, rollout)),
    }));

/** The plan's own command, once, on the first measurement whose verdict becomes this one. */
function ordering(status: 'broken' | 'inconclusive'): NonNullable<Plot['changePorts']> {
  let isOrdered = false;
  return appending((events) =>
    events.flatMap((event): RolloutEvent[] => {
      if (event.type !== 'Measured' || isOrdered) return [event];
      isOrdered = true;
      return [
        { ...event, verdict: { ...event.verdict, status } },
        { type: 'PromotionOrdered', at: event.at, by: PLANS, full: false },
      ];
    }),
  );
}

test("the plan's own command does not excuse a raise before its smoke test could be asked", async () => {
  const { run } = await play({
    rollout: { ...SHORT, smoke: [{ get: '/health', expect: { status: 200 } }] },
    changePorts: appending((events) =>
      events.flatMap((event): RolloutEvent[] =>
        event.type === 'HookAnswered'
          ? [event, { type: 'PromotionOrdered', at: event.at, by: PLANS, full: false }]
          : event.type === 'RevertOrdered'
            ? []
            : [event],
      ),
    ),
  });
  expect(broken(run)).toContain('hooksBeforeTraffic');
});

describe('a command to promote', () => {
  const worse = (nth: number, more: object): Plot => ({
    canaries: { 2: { errors: 0.2 } },
    rollout: { ...SHORT, watch: { errors: '1.5x' } },
    changePorts: blind,
    act: async (stage) => {
      await stage.saw('Shifted', nth);
      await stage.order('promote', more);
    },
  });

  test.each([
    ['the first step', 1],
    ['the last step', 2],
  ])('past %s does not excuse that a worse release completes', async (_, nth) => {
    const { rollout, run } = await play(worse(nth, {}));
    expect(rollout?.outcome).toBe('completed');
    expect(broken(run)).toContain('worseNeverCompletes');
  });

  test.each<[string, number, object]>([
    ['in full', 1, { full: true }],
    ['from the holdout', 3, {}],
  ])('%s excuses it', async (_, nth, more) => {
    const { rollout, run } = await play(worse(nth, more));
    expect(rollout?.outcome).toBe('completed');
    expect(broken(run)).not.toContain('worseNeverCompletes');
  });

  test('by the plan is none on another verdict than an inconclusive one', async () => {
    const { run } = await play({ rollout: SHORT, changePorts: ordering('broken') });
    expect(broken(run)).toContain('noRaiseWithoutVerdict');
    const { run: right } = await play({ rollout: SHORT, changePorts: ordering('inconclusive') });
    expect(broken(right)).not.toContain('noRaiseWithoutVerdict');
  });

  test('by the plan does not excuse that requests stop in a verify of two minutes', async () => {
    const isAlone = { at: () => false };
    const order = ordering('inconclusive');
    const { rollout, run } = await play({
      rollout: SHORT,
      hours: 4,
      before: (stage) => {
        isAlone.at = () => stage.alias().primary === '2';
      },
      requestsPerSecond: () => (isAlone.at() ? 0 : 20),
      changePorts: (ports) =>
        order(
          appending((events, { promotedAt }) =>
            events
              .filter(({ type }) => type !== 'Paused' && type !== 'RecallOrdered')
              .map((event) =>
                event.type === 'Measured' && promotedAt !== undefined
                  ? {
                      ...event,
                      verdict: {
                        ...event.verdict,
                        doubt: undefined,
                        status: 'inconclusive',
                        findings: event.verdict.findings.map((each) =>
                          each.metric === 'traffic' ? { ...each, status: 'inconclusive' } : each,
                        ),
                      },
                    }
                  : event,
              ),
          )(ports),
        ),
    });
    expect(rollout?.outcome).toBe('completed');
    expect(run.histories[rollout?.opening.rolloutId ?? '']?.map(({ type }) => type)).toContain(
      'PromotionOrdered',
    );
    expect(broken(run)).toContain('silenceNeverCompletes');
  });

  test('that nothing follows is not excused by a gate that has its approvals', async () => {
    const { rollout, run } = await play({
      rollout: { ...SHORT, gates: [{ before: 10, timeout: '60m' }] },
      act: async (stage) => {
        await stage.saw('GateOpened');
        await stage.clock.sleep(MINUTE);
        await stage.command({ command: 'approve', gate: 10, rolloutId: ROLLOUT_ID, by: proven('ada') });
      },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
    const approved = run.timeline.findIndex(
      (entry) => entry.kind === 'append' && entry.events.some(({ type }) => type === 'Approved'),
    );
    const entry = run.timeline[approved];
    if (entry?.kind !== 'append') throw new Error('Nothing was approved.');
    const ordered: RolloutEvent = { type: 'PromotionOrdered', at: entry.at, by: actor('ada'), full: false };
    const later = run.timeline.slice(approved + 1).map((each) => ({ ...each, at: each.at + 10 * MINUTE }));
    const waiting: Run = {
      ...run,
      timeline: [...run.timeline.slice(0, approved + 1), { ...entry, events: [ordered] }, ...later],
    };
    expect(broken(waiting)).toContain('commandsHeard');
    const again = { ...entry, at: entry.at + MINUTE, events: [ordered] };
    const insisting: Run = { ...waiting, timeline: waiting.timeline.toSpliced(approved + 1, 0, again) };
    const unheard = check(insisting).filter(({ promise }) => promise === 'commandsHeard');
    expect(unheard, 'a command is no answer to another').toHaveLength(2);
  });
});

test.each(['pass', 'broken', 'inconclusive'] as const)(
  'a hook that answered "%s" is no evidence against a release',
  async (status) => {
    const { run } = await play({
      rollout: { ...SHORT, smoke: [{ get: '/health', expect: { status: 200 } }] },
      changePorts: (ports) => ({
        ...appending((events) =>
          events.flatMap((event): RolloutEvent[] =>
            event.type === 'Measured'
              ? [
                  {
                    type: 'HookAnswered',
                    at: event.at,
                    hook: 'smoke.1',
                    status,
                    reason: 'it answered',
                    by: SPILLWAY,
                  } as RolloutEvent,
                  {
                    type: 'RevertOrdered',
                    at: event.at,
                    cause: 'canary',
                    reason: 'it answered',
                    outcome: 'reverted',
                  },
                ]
              : [event],
          ),
        )(ports),
        hooks: () => ({ ask: async () => ({ status: 'pass', reason: 'it answered' }) }),
      }),
    });
    expect(broken(run)).toContain('blameHasEvidence');
    expect(broken(run, { isGood: true })).toContain('goodNeverBlamed');
  },
);

describe('a canary that stays because stable was deleted', () => {
  const deleted = (then?: (stage: Stage) => Promise<unknown>) =>
    play({
      canaries: { 2: { errors: (_, __, weight) => (weight === 100 ? 0.3 : 0.001) } },
      rollout: { steps: [{ weight: 10, bake: '1m' }], verify: '10m' },
      act: async (stage) => {
        await stage.saw('Promoted');
        await stage.clock.sleep(10_000);
        stage.lambda.helpers.removeAlias(FUNCTION, pinNameOf(ALIAS));
        await stage.clients.lambda.send(
          new DeleteFunctionCommand({ FunctionName: FUNCTION, Qualifier: '1' }),
        );
        await then?.(stage);
      },
    });

  test('is excused if the deletion came before the last look, and not if it came after it', async () => {
    const { rollout, run } = await deleted();
    expect(rollout?.outcome).toBe('halted');
    expect(faults(run)).toEqual([]);
    const later = run.deleted.map((each) => ({ ...each, index: run.timeline.length }));
    expect(broken({ ...run, deleted: later })).toEqual(
      expect.arrayContaining(['endsAtZeroOrHundred', 'ourWeightRemoved', 'revertFirst', 'outInTime']),
    );
  });

  test('is excused whatever others put on the alias later, if stable was gone when the canary had to be out', async () => {
    const { rollout, run } = await deleted(async (stage) => {
      await stage.saw('RolloutClosed');
      await stage.clock.sleep(2 * MINUTE);
      const FunctionVersion = stage.lambda.helpers.publish(FUNCTION, () => ({
        statusCode: 200,
        body: 'well',
      }));
      await stage.clients.lambda.send(
        new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, FunctionVersion }),
      );
    });
    expect(rollout?.outcome).toBe('halted');
    expect(run.timeline.findLast(({ kind }) => kind === 'write')).toMatchObject({ after: { primary: '3' } });
    expect(faults(run)).toEqual([]);
    const later = run.deleted.map((each) => ({ ...each, index: run.timeline.length }));
    expect(broken({ ...run, deleted: later })).toContain('outInTime');
  });

  test('is not excused if the rollout looked only after the canary had to be out', async () => {
    const { run } = await deleted();
    const ordered = run.timeline.findIndex(
      (entry) => entry.kind === 'append' && entry.events.some(({ type }) => type === 'RevertOrdered'),
    );
    const late = run.timeline.slice(ordered).map((entry, nth) => ({
      ...entry,
      at: entry.at + 3 * MINUTE,
      ...(nth === 0 ? { events: [] } : {}),
    }));
    const delayed = { ...run, timeline: [...run.timeline.slice(0, ordered + 1), ...late] };
    expect(broken(delayed)).not.toContain('outInTime');
    const looks = Object.fromEntries(Object.keys(run.looks).map((key) => [key, [ordered + 2]]));
    expect(broken({ ...delayed, looks })).toContain('outInTime');
  });

  test('is not excused if stable is still the version of the alias', async () => {
    const { rollout, run } = await deleted();
    expect(rollout?.outcome).toBe('halted');
    const beside = { primary: '1', weights: { 2: 50 } };
    const last = run.timeline.findLastIndex(({ kind }) => kind === 'write');
    const timeline = run.timeline.map((entry, index) =>
      entry.kind === 'write' && index === last ? { ...entry, after: beside } : entry,
    );
    expect(broken({ ...run, timeline })).toContain('endsAtZeroOrHundred');
  });
});

describe('a release that users cannot reach from its first request on', () => {
  test.each(['throttled', 'uncounted'] as const)('is a bad one if it is %s', (kind) => {
    const it: Pick<Case, 'release' | 'stableErrors'> = {
      release: { kind, share: 0.6, from: 0 },
      stableErrors: 0.01,
    };
    expect(provenBad(kindOf(it, undefined), 'completed as proven')).toMatchObject([
      { promise: 'badNeverProven' },
    ]);
    expect(kindOf({ ...it, release: { kind, share: 0.6, from: 50 } }, undefined)).toBeUndefined();
  });
});

test('worlds are drawn in which requests stop at 100 % under faults, with a verify long enough to be looked at', () => {
  const worlds = Array.from({ length: 1_000 }, (_, seed) => caseOf(seed, FAULT_NAMES));
  const stopping = worlds.filter(
    ({ release, noise }) => release.kind === 'uncounted' && release.from === 100 && noise > 0,
  );
  expect(stopping.length).toBeGreaterThan(3);
  for (const verify of ['2m', '5m', '10m'])
    expect(worlds.filter(({ file }) => file.verify === verify).length).toBeGreaterThan(100);
});

describe('a judge that looks every ten minutes', () => {
  const troubled: Case = {
    ...caseOf(1, []),
    seed: 1,
    requestsPerSecond: 50,
    release: { kind: 'good' },
    targets: 1,
    isFed: false,
    file: { steps: [{ weight: 10, bake: '3m', maxBake: '20m' }], verify: '3m' },
    commands: [],
    troubles: [],
    noise: 0,
  };
  const skewed = { fault: 'clockSkew', when: { ms: 0 }, seconds: 259_200, how: 0.5 } as const;

  test.each<[string, Partial<Case>]>([
    ['a trouble that delays nothing', { troubles: [skewed] }],
    ['noise that kills no function', { noise: 1, faults: ['throttled', 'metricsLate', 'eventLate'] }],
  ])('is seen under %s', async (_, more) => {
    expect((await playCase({ ...troubled, ...more })).violations).toEqual([]);
    planted.windows = 10;
    try {
      const { violations } = await playCase({ ...troubled, ...more });
      expect(violations.map(({ promise }) => promise)).toContain('tickAtMostTwoMinutes');
    } finally {
      planted.windows = 1;
    }
  });
});

/** A quiet world with a release of version 2 at 50 requests a second. */
const quiet = (more: Partial<Case> & Pick<Case, 'release' | 'file'>): Case => ({
  ...{ seed: 1, requestsPerSecond: 50, stableErrors: 0.001, targets: 1, isFed: false },
  ...{ commands: [], faults: [], noise: 0, troubles: [] },
  ...more,
});

const promisesOf = async (it: Case) => (await playCase(it)).violations.map(({ promise }) => promise);

describe('counts of the whole region that come minutes late', () => {
  const late: Plot = {
    requestsPerSecond: 20,
    hours: 30,
    lateness: () => ({ share: 1, ms: 7 * MINUTE }),
    regionLateMs: () => 7 * MINUTE,
  };

  test('excuse a release that completes before its first failure could be read', async () => {
    let first: number | undefined;
    const { rollout, run } = await play({
      ...late,
      canaries: {
        2: {
          errors: (_, at) => {
            first ??= at;
            return at - first > 3 * MINUTE ? 0.5 : 0;
          },
        },
      },
      rollout: { steps: [{ weight: 50, bake: '71s', maxBake: '5m' }], verify: '0m' },
    });
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });

  test('excuse no failures that could be read', async () => {
    const { rollout, run } = await play({
      ...late,
      canaries: { 2: { errors: 0.2 } },
      rollout: { ...SHORT, verify: '10m', watch: { errors: '1.5x' } },
      changePorts: blind,
    });
    expect(rollout?.outcome).toBe('completed');
    expect(broken(run)).toContain('worseNeverCompletes');
  });
});

describe('counts of the canary alone that come minutes late', () => {
  /** A canary at one request a second, half of whose requests fail from so long after its promotion on. */
  const late = (after: number): Plot => {
    let since = Number.POSITIVE_INFINITY;
    return {
      requestsPerSecond: 1,
      lateness: (version) => (version === '2' ? { share: 1, ms: 7 * MINUTE } : undefined),
      canaries: { 2: { errors: (_, at) => (at >= since + after ? 0.5 : 0) } },
      rollout: {
        steps: [{ weight: 18, bake: '166s', maxBake: '5m' }],
        ...{ verify: '5m', holdout: 0, onInconclusive: 'promote', watch: { errors: '1.5x' } },
      },
      act: async (stage) => {
        await stage.saw('Promoted');
        since = stage.clock.now();
      },
    };
  };

  test('excuse failures after its verify that could not be read before its end', async () => {
    const { rollout, run } = await play(late(7 * MINUTE));
    expect(rollout?.outcome).toBe('completed');
    expect(faults(run)).toEqual([]);
  });

  test('excuse no failures within its verify', async () => {
    const { rollout, run } = await play({ ...late(4 * MINUTE), changePorts: blind });
    expect(rollout?.outcome).toBe('completed');
    expect(broken(run)).toContain('worseNeverCompletes');
  });
});

describe('an outage of both versions', () => {
  /** Half of the requests to both fail in the first three minutes, and more of those to the canary from its third minute on. */
  const hidden = (weight: number, share: number): Plot => {
    let since = Number.POSITIVE_INFINITY;
    return {
      requestsPerSecond: 50,
      weather: { errors: (at) => (at >= since && at < since + 3 * MINUTE ? 0.5 : 0) },
      canaries: { 2: { errors: (_, at) => (at >= since + 2 * MINUTE ? share : 0.001) } },
      rollout: { steps: [{ weight, bake: '160s', maxBake: '5m' }], verify: '0m', watch: { errors: '1.5x' } },
      act: async (stage) => {
        await stage.saw('ShiftIntended');
        since = stage.clock.now();
      },
    };
  };

  test('excuses a pass if too few requests of stable tell it from failures of the canary', async () => {
    const { events, run } = await play(hidden(94, 0.37));
    expect(events.some((event) => event.type === 'Measured' && event.verdict.status === 'pass')).toBe(true);
    expect(faults(run)).toEqual([]);
  });

  test('excuses no pass of a canary that fails far more often than stable beside it', async () => {
    const { run } = await play({ ...hidden(50, 0.8), changePorts: blind });
    expect(broken(run)).toContain('passMeansWell');
  });
});

test('counts of stable that came late before the first raise are no failures that were usual', async () => {
  const it = quiet({
    release: { kind: 'after promotion', as: 'faults', share: 0.05, minutes: 1, above: 19 },
    late: { side: 'stable', share: 0.9, minutes: 2 },
    file: { steps: [{ weight: 19, bake: '81s', maxBake: '5m' }], verify: '5m', recall: 'off' },
  });
  const { run, violations } = await playCase({
    ...it,
    commands: [{ does: 'promote fully', when: { ms: 6 * MINUTE } }],
  });
  expect(run.heads[0]?.leaving?.cause).toBe('environment');
  expect(violations).toEqual([]);
});

test('a canary that loses its requests from a weight on is blamed for them, whatever it served before', async () => {
  expect(
    await promisesOf(
      quiet({
        release: { kind: 'uncounted', share: 0.6, from: 50 },
        file: {
          steps: [
            { weight: 47, bake: '30m' },
            { weight: 53, bake: '3m' },
          ],
          verify: '0m',
        },
      }),
    ),
  ).toEqual([]);
});

test('an alarm of the owner is evidence of its own, also if only a measurement hears of it', async () => {
  const { run, violations } = await playCase(
    quiet({
      release: { kind: 'after promotion', as: 'errors', share: 0.2, minutes: 0, above: 10 },
      file: { steps: [{ weight: 10, bake: '2m' }], verify: '10m', holdout: 0, alarms: [ALARM] },
      alarm: 'errors',
      seed: 3,
      faults: ['eventLate'],
      noise: 10,
    }),
  );
  expect(run.heads[0]?.leaving?.reason).toContain(ALARM);
  expect(violations).toEqual([]);
});

describe('an execution that somebody stops once its rollout has ended', () => {
  test('leaves the one that handed on to it, which says nothing of the end', async () => {
    const { run, violations } = await playCase(
      quiet({
        release: { kind: 'bad', as: 'errors', share: 0.3 },
        isZip: true,
        file: { steps: [{ weight: 48, bake: '2m' }], verify: '0m' },
        troubles: [
          {
            ...{ fault: 'executionStopped', seconds: 0, how: 0.9 },
            when: { ms: 35, after: { event: 'RolloutClosed', nth: 1 } },
          },
        ],
      }),
    );
    expect(run.executions.map(({ status }) => status)).toEqual(['SUCCEEDED', 'ABORTED']);
    expect(violations).toEqual([]);
  });
});

test('an execution that hands over, and ends after the next one, says nothing of the end', async () => {
  const handsOver = {
    release: { kind: 'bad', as: 'errors', share: 0.3 },
    isZip: true,
    file: { steps: [{ weight: 48, bake: '2m' }], verify: '0m' },
  } as const;
  const { run } = await playCase(quiet(handsOver));
  const [first, second] = run.executions;
  const late = (status: string) => [
    { ...first, status, stoppedAt: (second?.stoppedAt ?? 0) + 1_000 },
    ...run.executions.slice(1),
  ];
  const broken = (executions: unknown) =>
    check({ ...run, executions } as typeof run).map(({ promise }) => promise);
  expect([first?.status, second?.status]).toEqual(['SUCCEEDED', 'FAILED']);
  expect(broken(late('SUCCEEDED'))).toEqual([]);
  // The last one is held to it all the same.
  expect(broken([first, { ...second, status: 'SUCCEEDED' }])).toContain('executionSaysOutcome');
});

test('an alarm on the version of an adoption without any way back is no alarm on stable alone', async () => {
  const { run, violations } = await playCase(caseOf(8_010_593, FAULT_NAMES));
  expect(run.heads[0]).toMatchObject({
    outcome: 'halted',
    leaving: { reason: expect.stringContaining(ALARM) },
  });
  expect(run.heads[0]?.opening.targets.map(({ stable, canary }) => stable === canary)).toEqual([true]);
  expect(violations).toEqual([]);
});

test("an execution without functions pages after a person's execution has ended the rollout", async () => {
  const { run, violations } = await playCase(caseOf(8_012_259, FAULT_NAMES));
  const ends = run.executions.map(({ name, status, error }) => [name.split('-').at(-1), status, error]);
  expect(ends).toEqual([
    ['1', 'FAILED', 'halted'],
    ['redriven', 'SUCCEEDED', undefined],
  ]);
  expect(violations).toEqual([]);
  const halted = { ...run, executions: run.executions.slice(0, 1) };
  expect(check(halted).map(({ promise }) => promise)).toContain('executionSaysOutcome');
});

test('a hook after promotion that is still asked when doubt recalls the canary waits for the recall', async () => {
  const { run, violations } = await playCase(
    quiet({
      release: { kind: 'under load', as: 'faults', share: 0.5, from: 86 },
      file: {
        steps: [{ weight: 22, bake: '157s', maxBake: '5m' }],
        verify: '0m',
        onInconclusive: 'pause',
        hooks: { afterPromotion: [{ lambda: HOOK, timeout: '2m', onBroken: 'pause', target: 'api' }] },
      },
      troubles: [{ fault: 'hookSilent', when: { ms: 0 }, seconds: 259_200, how: 0.5 }],
    }),
  );
  const types = Object.values(run.histories)[0]?.map(({ type }) => type);
  expect(types).toEqual(expect.arrayContaining(['HookStarted', 'RecallOrdered', 'Reverted']));
  expect(violations).toEqual([]);
});

test('a retry answers for its own requests alone, and not for those of an attempt that had completed', async () => {
  const { run, violations } = await playCase(
    quiet({
      release: { kind: 'under load', as: 'errors', share: 0.5, from: 100 },
      file: { steps: [{ weight: 53, bake: '177s', maxBake: '10m' }], verify: '0m' },
      commands: [
        { does: 'rollback', when: { ms: 592_000, after: { event: 'RolloutClosed', nth: 1 } } },
        { does: 'retry', when: { ms: 180_000, after: { event: 'RolloutClosed', nth: 2 } } },
      ],
    }),
  );
  expect(run.heads.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
  expect(violations).toEqual([]);
});

test('what somebody else gave an irreversible release that was never raised is left to a person, and a reversible one loses it', async () => {
  const given = (reversible: boolean, changePorts = (ports: Ports): Ports => ports) =>
    play({
      rollout: { ...SHORT, gates: [{ before: 10, timeout: '5m', onTimeout: 'revert' }] },
      release: { manifest: { reversible } },
      changePorts,
      act: async (stage) => {
        await stage.saw('GateOpened');
        await stage.clock.sleep(MINUTE);
        const weights = { RoutingConfig: { AdditionalVersionWeights: { 2: 0.59 } } };
        await stage.clients.lambda.send(
          new UpdateAliasCommand({ FunctionName: FUNCTION, Name: ALIAS, ...weights }),
        );
      },
    });
  const kept = await given(false);
  expect(kept.rollout).toMatchObject({
    outcome: 'halted',
    reason: expect.stringContaining('version 2 keeps 59 % of api'),
  });
  expect(kept.stage.alias()).toEqual({ primary: '1', weights: { 2: 59 } });
  expect(faults(kept.run)).toEqual([]);
  const lost = await given(false, (ports) =>
    routers(ports, ({ revert }) => ({ revert: (target, by) => revert(target, { ...by, keep: false }) })),
  );
  expect(broken(lost.run)).toContain('irreversibleHeld');
  const taken = await given(true);
  expect(taken.stage.alias()).toEqual({ primary: '1', weights: {} });
  expect(faults(taken.run)).toEqual([]);
});

test('a canary that fails as its target never did is held to that, though the target often failed in another way before', async () => {
  const { run, violations } = await playCase({
    ...caseOf(74_943, FAULT_NAMES),
    ...{ faults: [], noise: 0, troubles: [], commands: [] },
  });
  const end = Object.values(run.histories)[0]?.find(({ type }) => type === 'RevertOrdered');
  expect(end).toMatchObject({ cause: 'environment', reason: expect.stringMatching(/^errors: .* in 10 min/) });
  expect(violations).toEqual([]);
});

test('probes that answered a recall are not what a later verify with enough requests proves the release by', async () => {
  const { run, violations } = await playCase({
    ...caseOf(15_045, FAULT_NAMES),
    ...{ faults: [], noise: 0, troubles: [], commands: [] },
  });
  const verdicts = Object.values(run.histories)[0]?.flatMap((event) =>
    event.type === 'Measured' ? [event.verdict] : [],
  );
  expect(verdicts?.some(({ byProbes }) => byProbes)).toBe(true);
  expect(run.heads[0]?.reason).toMatch(/^proven: /);
  expect(violations).toEqual([]);
});
