import { describe, expect, test } from 'vitest';
import type { Rollout } from '../../core/rollout/state.ts';
import type { Ports } from '../../functions/_task.ts';
import type { Run } from '../../local/run.ts';
import { journals } from './planted.ts';
import { broken, MINUTE, type Plot, play, ROLLOUT_ID } from './stage.ts';

const SHORT = {
  steps: [
    { weight: 10, bake: '2m' },
    { weight: 50, bake: '2m' },
  ],
  verify: '2m',
};

/** A bug: whoever asks the journal sees another rollout than the one that stands there. */
const misread = (change: (rollout: Rollout) => Partial<Rollout>): Plot => ({
  hours: 3,
  changePorts: (ports: Ports) =>
    journals(ports, (journal) => {
      const misread = (rollout: Rollout): Rollout => ({ ...rollout, ...change(rollout) });
      return {
        read: async (rolloutId) => {
          const rollout = await journal.read(rolloutId);
          return rollout && misread(rollout);
        },
        append: async (rollout, events) => misread(await journal.append(rollout, events)),
      };
    }),
});

describe('a checker sees', () => {
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
      changePorts: (ports) =>
        journals(ports, (journal) => ({
          append: (rollout, events) =>
            journal.append(
              rollout,
              events.map((event) =>
                event.type === 'Measured' && rollout.promotedAt !== undefined
                  ? { ...event, verdict: { ...event.verdict, status: 'inconclusive' } }
                  : event.type === 'RolloutClosed'
                    ? { ...event, reason: 'proven: trust me' }
                    : event,
              ),
            ),
        })),
    });
    expect(broken(run)).toContain('provenMeansMeasured');
  });

  test('a release called proven whose answers nobody counted', async () => {
    const { run } = await play({
      rollout: SHORT,
      counters: () => false,
      changePorts: (ports) =>
        journals(ports, (journal) => ({
          append: (rollout, events) =>
            journal.append(
              rollout,
              events.map((event) =>
                event.type === 'RolloutClosed' ? { ...event, reason: 'proven: trust me' } : event,
              ),
            ),
        })),
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
    const kept = (run: Run) => ({ ...run, locks: { 'lambda-alias:checkout-prod-Api:live': ROLLOUT_ID } });
    expect(await tampered(kept)).toEqual(['lockReleased']);
  });

  test('a dead man that goes on watching', async () => {
    expect(await tampered((run) => ({ ...run, watched: [ROLLOUT_ID] }))).toEqual(['everyRolloutEnds']);
  });

  test('an event that is not in the head', async () => {
    const lost = (run: Run) => ({
      ...run,
      histories: {
        [ROLLOUT_ID]: (run.histories[ROLLOUT_ID] ?? []).filter(({ type }) => type !== 'Promoted'),
      },
    });
    expect(await tampered(lost)).toEqual(['sameFoldAsHead']);
  });

  test('an execution that ended otherwise than its rollout', async () => {
    const failed = (run: Run) => ({
      ...run,
      executions: run.executions.map((execution) => ({ ...execution, status: 'FAILED' })),
    });
    expect(await tampered(failed)).toEqual(['executionSaysOutcome']);
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
