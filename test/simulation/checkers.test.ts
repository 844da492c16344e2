import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Run } from '../../simulation/recording.ts';
import { journals, misreading, writing } from './planted.ts';
import { broken, MINUTE, type Plot, play, ROLLOUT_ID, SHORT } from './stage.ts';

/** A rollout that whoever asks the journal sees otherwise than it stands there. */
const misread = (change: (rollout: Rollout) => Partial<Rollout>): Plot => ({
  hours: 3,
  changePorts: misreading(change),
});

/** A bug: everybody but the journal takes a rollout for opened in another way. */
const reopened = (change: (opening: Rollout['opening']) => Partial<Rollout['opening']>): Plot => ({
  hours: 3,
  changePorts: (ports: Ports) =>
    journals(ports, (journal) => {
      const openings = new Map<string, Rollout['opening']>();
      const misread = (rollout: Rollout): Rollout => {
        const { opening } = rollout;
        openings.set(opening.rolloutId, opening);
        return { ...rollout, opening: { ...opening, ...change(opening) } };
      };
      return {
        read: async (rolloutId) => {
          const rollout = await journal.read(rolloutId);
          return rollout && misread(rollout);
        },
        append: async (rollout, events) => {
          const { opening } = rollout;
          const kept = { ...rollout, opening: openings.get(opening.rolloutId) ?? opening };
          return misread(await journal.append(kept, events));
        },
      };
    }),
});

describe('a checker sees', () => {
  test('an irreversible release that is reverted by itself, and not one that is held', async () => {
    const bad: Plot = {
      rollout: SHORT,
      hours: 3,
      canaries: { 2: { errors: 0.3 } },
      release: { manifest: { reversible: false } },
    };
    expect(broken((await play(bad)).run)).not.toContain('irreversibleHeld');
    const { run } = await play({ ...bad, ...reopened(() => ({ reversible: true })) });
    expect(broken(run)).toContain('irreversibleHeld');
  });

  test('a step that is left before the requests came that it waits for', async () => {
    const waiting: Plot = {
      hours: 3,
      requestsPerSecond: 20,
      rollout: { ...SHORT, steps: [{ weight: 10, bake: '2m', until: { canary: '5000 invocations' } }] },
    };
    expect(broken((await play(waiting)).run)).toEqual([]);
    const hasty = reopened(({ plan }) => ({
      plan: { ...plan, steps: plan.steps.map(({ untilRequests: _, ...step }) => step) },
    }));
    const { run } = await play({ ...waiting, ...hasty });
    expect(broken(run)).toContain('untilMeansMade');
  });

  test('a release that goes on after a hook has failed', async () => {
    const asked: Plot = {
      rollout: { ...SHORT, hooks: { afterStep: [{ lambda: 'check', timeout: '2m', target: 'api' }] } },
      hours: 3,
      before: ({ lambda: { helpers } }) => {
        helpers.createFunction({ name: 'check', tags: { 'spillway:service': 'checkout-api' } });
        helpers.deployModel('check', () => ({ status: 'fail', reason: 'orders are missing' }));
      },
    };
    const { run, rollout } = await play(asked);
    expect(rollout?.outcome).toBe('reverted');
    expect(broken(run)).toEqual([]);
    const deaf = misread(({ hooks }) => ({
      hooks: Object.fromEntries(Object.entries(hooks).map(([id, hook]) => [id, { ...hook, status: 'pass' }])),
    }));
    const bug = await play({
      ...asked,
      changePorts: (ports) =>
        writing((event) => (event.type === 'RevertOrdered' ? [] : event))(deaf.changePorts?.(ports) ?? ports),
    });
    expect(broken(bug.run)).toContain('failedHookStops');
  });

  test('a step that is left without any verdict', async () => {
    const hasty = misread(({ step }) => ({ promotion: { step, full: false } }));
    const { run } = await play({ ...hasty, rollout: SHORT });
    expect(broken(run)).toContain('noRaiseWithoutVerdict');
  });

  test('a release that goes to 100 % past its steps', async () => {
    const hasty = misread(({ step }) => (step === 0 ? { promotion: { step, full: true } } : {}));
    const { run } = await play({ ...hasty, rollout: SHORT });
    expect(broken(run)).toContain('noRaiseWithoutVerdict');
  });

  test('a release that meets users before its smoke test', async () => {
    const { run } = await play({
      ...misread(() => ({ hooks: { 'smoke.1': { status: 'pass', until: 0, brokenInRow: 0 } } })),
      rollout: { ...SHORT, smoke: [{ get: '/health', expect: { status: 200 } }] },
    });
    expect(broken(run)).toContain('hooksBeforeTraffic');
  });

  test('a completion that calls itself proven without a verify that passed', async () => {
    const { run } = await play({
      rollout: SHORT,
      changePorts: writing((event, rollout) =>
        event.type === 'Measured' && rollout.promotedAt !== undefined
          ? { ...event, verdict: { ...event.verdict, status: 'inconclusive' } }
          : event.type === 'RolloutClosed'
            ? { ...event, reason: 'proven: trust me' }
            : event,
      ),
    });
    expect(broken(run)).toContain('provenMeansMeasured');
  });

  test('a release called proven whose answers nobody counted', async () => {
    const { run } = await play({
      rollout: SHORT,
      counters: () => false,
      changePorts: writing((event) =>
        event.type === 'RolloutClosed' ? { ...event, reason: 'proven: trust me' } : event,
      ),
    });
    expect(broken(run)).toEqual(['uncountedNeverProven']);
  });

  test.each<[string, object]>([
    ['a step', {}],
    ['a verify', { steps: undefined, strategy: 'all-at-once' }],
  ])('%s that a plan passes on a suspicion', async (_, more) => {
    const { run } = await play({
      ...misread(({ verdict }) =>
        verdict?.status === 'suspect'
          ? { suspicion: undefined, verdict: { ...verdict, status: 'pass' as const } }
          : {},
      ),
      rollout: { ...SHORT, ...more },
      before: (stage) => {
        const { append } = stage.ports.journal;
        stage.ports.journal.append = (rollout, events) =>
          append(
            rollout,
            events.map((event) =>
              event.type === 'Measured' && event.verdict.status === 'pass'
                ? { ...event, verdict: { ...event.verdict, status: 'suspect' } }
                : event,
            ),
          );
      },
    });
    expect(broken(run)).toContain('suspicionHolds');
  });

  test('a raise to a weight that is not in the plan', async () => {
    const { run } = await play({
      hours: 1,
      rollout: SHORT,
      changePorts: (ports) => ({
        ...ports,
        router: (kind) => {
          const router = ports.router(kind);
          return {
            ...router,
            raise: (target, raise) => router.raise(target, { ...raise, weight: raise.weight / 2 }),
          };
        },
      }),
    });
    expect(broken(run)).toEqual(expect.arrayContaining(['configFrozen', 'everyRaiseAnnounced']));
  });
});

describe('a checker of what stands there at the end sees', () => {
  const tampered = async (change: (run: Run) => Run) => {
    const { run } = await play({ rollout: SHORT, warmMinutes: 2 });
    expect(broken(run)).toEqual([]);
    return broken(change(run));
  };

  test('a lock that was kept', async () => {
    const kept = (run: Run) => ({
      ...run,
      locks: { 'aws:111122223333:eu-west-1:lambda-alias/checkout-prod-Api/live': ROLLOUT_ID },
    });
    expect(await tampered(kept)).toEqual(['lockReleased']);
  });

  test('a watchdog that goes on watching', async () => {
    expect(await tampered((run) => ({ ...run, watched: [ROLLOUT_ID] }))).toEqual(['everyRolloutEnds']);
  });

  test('an event that is not in the head', async () => {
    const lost = (run: Run) => ({
      ...run,
      histories: {
        [ROLLOUT_ID]: (run.histories[ROLLOUT_ID] ?? []).filter(({ type }) => type !== 'Promoted'),
      },
    });
    expect(await tampered(lost)).toEqual(['sameFoldAsHead', 'everyTransitionTold']);
  });

  test('an execution that ended otherwise than its rollout', async () => {
    const failed = (run: Run) => ({
      ...run,
      executions: run.executions.map((execution) => ({ ...execution, status: 'FAILED' })),
    });
    expect(await tampered(failed)).toEqual(['executionSaysOutcome']);
    const halted = (secondsBefore: number) => (run: Run) => ({
      ...run,
      executions: run.executions.map((each) => ({
        ...{ ...each, status: 'FAILED', error: 'halted' },
        stoppedAt: (run.heads[0]?.lastEventAt ?? 0) - secondsBefore * 1_000,
      })),
    });
    expect(await tampered(halted(0))).toEqual(['executionSaysOutcome']);
    // Step Functions wrote the aliases itself and paged; the watchdog wrote the end later.
    expect(await tampered(halted(30))).toEqual([]);
  });

  test('a plan that was edited on the way', async () => {
    const edited = (run: Run) => ({
      ...run,
      timeline: run.timeline.map((entry, index) =>
        entry.kind === 'append' && index > 5
          ? {
              ...entry,
              rollout: { ...entry.rollout, opening: { ...entry.rollout.opening, deadline: 10 * MINUTE } },
            }
          : entry,
      ),
    });
    expect(await tampered(edited)).toEqual(['configFrozen']);
  });
});
