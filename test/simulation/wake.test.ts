import { expect, test } from 'vitest';
import type { Handler } from '../../functions/_lambda.ts';
import type { WorldOptions } from '../../local/world.ts';
import { broken, faults, type Plot, play, type Stage } from './stage.ts';

/** No token is ever completed: neither by a command nor by the journal's stream. */
const deaf: WorldOptions['intercept'] = async (command, _input, call) =>
  command === 'SendTaskSuccessCommand' ? {} : call();

const ANSWERING = ['Decide', 'ShiftTraffic', 'Measure', 'PromoteCanary'];

/** A bug: holds last half an hour, trusting that somebody will wake them. */
const patient: WorldOptions['around'] = async (name, event, call) => {
  const answer = await call(event);
  const isHold = ANSWERING.includes(name) && (answer as { kind: string }).kind === 'hold';
  return isHold ? { ...(answer as object), seconds: 1_800 } : answer;
};

test('a lost wake-up costs at most the time to the next tick, and a checker sees holds that rely on it', async () => {
  const plot: Plot = {
    intercept: deaf,
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.order('promote');
    },
  };
  const real = await play(plot);
  expect(real.rollout?.outcome).toBe('completed');
  expect(faults(real.run)).toEqual([]);

  const bug = await play({ ...plot, around: patient });
  expect(broken(bug.run)).toContain('tickAtMostTwoMinutes');
});

/** A release that is paused before its first raise; the command to resume comes while Hold is about to store its token. */
function crossing(hold: (stage: Stage, event: unknown, call: Handler) => Promise<unknown>): Plot {
  let stage: Stage | undefined;
  let isPaused = false;
  return {
    rollout: { smoke: [{ get: '/health', expect: { status: 200 } }] },
    changePorts: (ports) => ({
      ...ports,
      hooks: () => ({ ask: async () => ({ status: 'pass', reason: 'it answered' }) }),
    }),
    around: async (name, event, call) => {
      // The stream's own wake is lost, so that only the second look is left.
      if (name === 'JournalStream') return {};
      if (name !== 'Hold' || stage === undefined || !isPaused) return call(event);
      isPaused = false;
      await stage.order('resume');
      return hold(stage, event, call);
    },
    act: async (on) => {
      stage = on;
      await on.saw('RolloutOpened');
      await on.order('pause');
      isPaused = true;
    },
  };
}

test('a command that comes before a hold has stored its token is caught by its second look', async () => {
  const real = await play(crossing((_, event, call) => call(event)));
  expect(real.story.slice(0, 6)).toEqual([
    'RolloutOpened api 1->2',
    'Paused by ada, human',
    'Resumed by ada',
    'HookAnswered smoke.1 pass',
    'ShiftIntended api 10 %',
    'Shifted api 10 %',
  ]);
  expect(real.rollout?.outcome).toBe('completed');
  expect(faults(real.run)).toEqual([]);
});

test('a checker sees a hold that stores its token and does not look again', async () => {
  const bug = await play(
    crossing(async ({ ports }, event) => {
      const { ref, version, token } = event as { ref: { rolloutId: string }; version: number; token: string };
      await ports.journal.putToken(ref.rolloutId, { version, token });
      return {};
    }),
  );
  expect(broken(bug.run)).toContain('commandsHeard');
});

test('a command is obeyed within a second where its wake-up comes', async () => {
  let ordered = 0;
  const { events } = await play({
    act: async (stage) => {
      await stage.saw('Measured', 2);
      await stage.clock.sleep(20_000);
      ordered = stage.clock.now();
      await stage.order('promote');
    },
  });
  const raised = events.find((event) => event.type === 'Shifted' && event.weight === 50);
  expect((raised?.at ?? Number.POSITIVE_INFINITY) - ordered).toBeLessThan(1_000);
});
