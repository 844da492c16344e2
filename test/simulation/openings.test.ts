import { describe, expect, test } from 'vitest';
import { crashes, type Point } from '../../simulation/faults.ts';
import { SERVICE } from '../../simulation/scenario.ts';
import { sampled } from '../deep.ts';
import { faults, MINUTE, type Plot, play, type Stage } from './stage.ts';

/** An execution that was never started is found by the watchdog. */
const FOUND_DEAD = { tickMs: 8 * MINUTE, outMs: 8 * MINUTE };
const SHORT = { steps: [{ weight: 10, bake: '1m' }], verify: '0s' };

/** Rollouts of which the second is opened by being handed over. */
const PLOTS: Record<string, Plot & { second: string; isHandedOver: (point: Point) => boolean }> = {
  'a release that waited': {
    rollout: SHORT,
    async act(stage) {
      await stage.saw('Measured');
      await stage.release();
      await stage.clock.sleep(10_000);
      await stage.order('abort');
      await stage.ended(`${SERVICE}--r2--1`);
    },
    second: `${SERVICE}--r2--1`,
    // The first two are of uploads.
    isHandedOver: ({ fn, nth }) => fn === 'JournalStream' || (fn === 'OpenRollout' && nth > 2),
  },
  'a retry': {
    rollout: SHORT,
    async act(stage) {
      await stage.saw('Measured');
      await stage.order('abort');
      await stage.event(({ type }) => type === 'RolloutClosed');
      await insist(stage, 'retry');
      await stage.ended(`${SERVICE}--r1--2`);
    },
    second: `${SERVICE}--r1--2`,
    isHandedOver: ({ fn, nth }) => (fn === 'Command' && nth > 1) || (fn === 'OpenRollout' && nth > 1),
  },
};

/** A person who is told of no answer looks a minute later, and orders again what is not there. */
async function insist(stage: Stage, command: string): Promise<void> {
  const isThere = async () => (await stage.journal.read(`${SERVICE}--r1--2`)) !== undefined;
  for (let tries = 0; tries < 5 && !(await isThere()); tries++) {
    const order = { command, rolloutId: `${SERVICE}--r1--1`, by: 'ada' };
    await stage.invoke('Command', order).catch(() => stage.clock.sleep(MINUTE));
  }
}

function crashed(plot: Plot, dies: (point: Point) => boolean) {
  return play({ ...plot, ...crashes(dies) });
}

describe.each(Object.entries(PLOTS))('%s', (_name, { second, isHandedOver, ...plot }) => {
  test('is opened once, whatever dies while it is handed over, and ends', { timeout: 120_000 }, async () => {
    const points: Point[] = [];
    await crashed(plot, (point) => {
      points.push(point);
      return false;
    });
    const handing = points.map((point, at) => ({ point, at })).filter(({ point }) => isHandedOver(point));
    expect(handing.map(({ point }) => `${point.fn} ${point.op}`)).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/ InvokeCommand$/),
        'OpenRollout StartExecutionCommand',
        'OpenRollout journal.open',
      ]),
    );
    const wrong: string[] = [];
    for (const { point, at } of sampled(handing, 5)) {
      let seen = 0;
      const { run, stage } = await crashed(plot, () => seen++ === at);
      const where = `${point.fn} ${point.nth}, ${point.phase} ${point.op}`;
      const { outcome } = run.heads.find(({ opening }) => opening.rolloutId === second) ?? {};
      if (outcome !== 'completed') wrong.push(`${where}: it is ${outcome ?? 'not opened, or has not ended'}`);
      const { waiting } = await stage.journal.service(SERVICE);
      if (waiting !== undefined) wrong.push(`${where}: ${waiting.release} still waits`);
      wrong.push(...faults(run, FOUND_DEAD).map((fault) => `${where}: ${fault}`));
    }
    expect(wrong).toEqual([]);
  });
});
