import { describe, expect, test } from 'vitest';
import { TICKS_MAX } from '../../core/rollout/timing.ts';
import { HISTORY_EVENTS_MAX } from '../../local/asl/interpreter.ts';
import { virtualClock } from '../../local/clock.ts';
import { createScenario, FUNCTION, type Scenario, type ScenarioOptions } from '../../simulation/scenario.ts';

const DAY_MS = 24 * 3600_000;
const ID = 'checkout-api--r1--1';

const TICK = ['Hold', 'Measure', 'Dispatch'];
const ticks = (count: number): string[] => Array.from({ length: count }, () => TICK).flat();

/** A rollout from its release to its end, and the execution that carried it. */
async function carried(
  options: Omit<ScenarioOptions, 'clock'>,
  stage?: (scenario: Scenario) => Parameters<Scenario['release']>[0],
) {
  const clock = virtualClock();
  const scenario = createScenario({ clock, requestsPerSecond: 1000, warmMinutes: 2, ...options });
  const rollout = await clock.run(scenario.run(stage?.(scenario)), DAY_MS);
  const [execution, ...more] = scenario.stepFunctions.executions;
  if (execution === undefined || more.length > 0) throw new Error('One execution was expected.');
  const events = await scenario.journal.events(ID);
  return { rollout, execution, ticks: events.filter(({ type }) => type === 'Measured').length };
}

describe('the path of a rollout', () => {
  test('that completes: each step is shifted to and measured, then the canary is promoted and verified', async () => {
    const { rollout, execution } = await carried({});
    expect(rollout.outcome).toBe('completed');
    expect(execution).toMatchObject({ status: 'SUCCEEDED' });
    expect(execution.path).toEqual([
      ...['Decide', 'Dispatch', 'ShiftTraffic', 'Dispatch', ...ticks(6)],
      ...['ShiftTraffic', 'Dispatch', ...ticks(5)],
      ...['ShiftTraffic', 'Dispatch', ...ticks(5)],
      ...['PromoteCanary', 'Dispatch', ...ticks(4)],
      ...['CloseRollout', 'Dispatch', 'Completed'],
    ]);
  });

  test('that is reverted: one measuring of a bad canary is the last thing before the revert path', async () => {
    const { rollout, execution, ticks: count } = await carried({ canaries: { 2: { errors: 0.5 } } });
    expect(rollout.outcome).toBe('reverted');
    expect(count).toBeLessThanOrEqual(4);
    expect(execution).toMatchObject({ status: 'FAILED', error: 'reverted', cause: rollout.reason });
    expect(execution.path).toEqual([
      ...['Decide', 'Dispatch', 'ShiftTraffic', 'Dispatch', ...ticks(count)],
      ...['RevertTraffic', 'Dispatch', 'Reverted'],
    ]);
  });

  test('that is refused: a smoke test fails, and no traffic is ever shifted', async () => {
    const smoke = [{ get: '/health', expect: { status: 200 } }];
    const { rollout, execution } = await carried({ rollout: { smoke } }, ({ lambda }) => ({
      manifest: {
        targets: { api: { version: lambda.helpers.publish(FUNCTION, () => ({ statusCode: 500 })) } },
      },
    }));
    expect(rollout.outcome).toBe('refused');
    expect(execution).toMatchObject({ status: 'FAILED', error: 'refused', cause: rollout.reason });
    expect(execution.path).toEqual([
      'Decide',
      'Dispatch',
      'RunHook',
      'Decide',
      'Dispatch',
      'RevertTraffic',
      'Dispatch',
      'Reverted',
    ]);
  });
});

test('a tick costs at most three transitions, and the ticks of one execution fit well into its history', async () => {
  const of = (bake: string) => carried({ rollout: { steps: [{ weight: 10, bake }], verify: '0s' } });
  const short = await of('10m');
  const long = await of('60m');
  const extra = long.ticks - short.ticks;
  expect(extra).toBe(50);
  expect((long.execution.transitions - short.execution.transitions) / extra).toBeLessThanOrEqual(3);
  const events = (long.execution.historyEvents - short.execution.historyEvents) / extra;
  expect(TICKS_MAX * events).toBeLessThan(HISTORY_EVENTS_MAX / 2);
});
