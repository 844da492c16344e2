import { describe, expect, test } from 'vitest';
import type { Ports } from '../../controller/ports.ts';
import { RolloutError } from '../../core/errors.ts';
import type { Budget, TrafficRouter } from '../../core/ports.ts';
import { closeRollout } from '../../functions/close-rollout.ts';
import { command } from '../../functions/command.ts';
import { decide } from '../../functions/decide.ts';
import { measure } from '../../functions/measure.ts';
import { openRollout } from '../../functions/open-rollout.ts';
import { promoteCanary } from '../../functions/promote-canary.ts';
import { shiftTraffic } from '../../functions/shift-traffic.ts';
import { actor } from '../core/rollout/given.ts';
import { FIRST, type Stage, setUp } from './set-up.ts';

const busy = new RolloutError('Unavailable', 'alias live of x could not be reached just now.', {
  isThrottled: true,
});

const withRouter = (ports: Ports, change: Partial<TrafficRouter>): Ports => ({
  ...ports,
  router: (kind) => ({ ...ports.router(kind), ...change }),
});

/** A budget whose next turn is so far away, and what was taken from it. */
function budgetIn(stage: Stage, ms: number): { ports: Ports; taken: number[] } {
  const taken: number[] = [];
  const budget: Budget = {
    take: async (calls) => {
      taken.push(calls);
      return stage.clock.now() + ms;
    },
  };
  return { ports: { ...stage.ports, budget }, taken };
}

describe('a raise among many', () => {
  test('waits for a turn that comes soon', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const began = stage.clock.now();
    const { ports, taken } = budgetIn(stage, 2_000);
    await stage.call(shiftTraffic, ref, ports);
    expect(stage.standing().weights).toEqual({ '2': 10 });
    expect(stage.clock.now() - began).toBeGreaterThanOrEqual(2_000);
    expect(taken).toEqual([2]);
  });

  test('is held for a turn that comes late, and made then without asking again', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const { ports, taken } = budgetIn(stage, 250_000);
    const due = stage.clock.now() + 250_000;
    expect(await stage.call(shiftTraffic, ref, ports)).toMatchObject({ kind: 'hold', seconds: 250 });
    expect(await stage.history()).toEqual(['RolloutOpened', 'Deferred']);
    expect((await stage.rollout()).deferred).toBe(due);
    await stage.clock.advance(250_000);
    expect(await stage.call(shiftTraffic, ref, ports)).toMatchObject({ kind: 'hold' });
    expect(stage.standing().weights).toEqual({ '2': 10 });
    expect((await stage.rollout()).deferred).toBeUndefined();
    expect(taken).toEqual([2]);
  });

  test('is not kept by a budget that cannot be asked', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const budget: Budget = { take: () => Promise.reject(new RolloutError('Unavailable', 'no table')) };
    await stage.call(shiftTraffic, ref, { ...stage.ports, budget });
    expect(stage.standing().weights).toEqual({ '2': 10 });
  });

  test('is not kept by a budget that does not answer, and leaves its function in time', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const began = stage.clock.now();
    const budget: Budget = {
      async take() {
        await stage.clock.sleep(60_000);
        return stage.clock.now();
      },
    };
    await stage.call(shiftTraffic, ref, { ...stage.ports, budget });
    expect(stage.standing().weights).toEqual({ '2': 10 });
    expect(stage.clock.now() - began).toBeLessThanOrEqual(3_000);
  });

  test('that Lambda has no room for is put off, again and again, and the canary is not taken out for it', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    const ports = withRouter(stage.ports, { raise: () => Promise.reject(busy) });
    for (let storms = 0; storms < 4; storms++) {
      const version = (await stage.rollout()).version;
      expect((await stage.call(promoteCanary, ref, ports)).version).toBeGreaterThanOrEqual(version);
      await stage.clock.advance(31_000);
    }
    expect((await stage.rollout()).leaving).toBeUndefined();
  });

  test('that came to nothing although nobody stands in the way is not made again at once', async () => {
    const stage = setUp();
    const ref = await stage.open();
    const router = stage.ports.router('lambda-alias');
    const ports = withRouter(stage.ports, {
      raise: async (target) => ({
        result: 'fenced',
        why: 'TooManyRequestsException',
        observed: await router.observe(target),
      }),
    });
    expect(await stage.call(shiftTraffic, ref, ports)).toMatchObject({ kind: 'hold' });
    expect(await stage.history()).toEqual(['RolloutOpened', 'ShiftIntended', 'Deferred']);
    expect((await stage.rollout()).deferred).toBeGreaterThan(stage.clock.now() + 29_000);
  });
});

describe('a storm of reverts does no harm to others', () => {
  test('who is woken in it goes on from the journal', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    const ports = withRouter(stage.ports, { observe: () => Promise.reject(busy) });
    expect(await stage.call(decide, ref, ports)).toMatchObject({ kind: 'hold' });
  });

  test('who ticks in it measures without having read back', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.clock.advance(4 * 60_000);
    const ports = withRouter(stage.ports, { observe: () => Promise.reject(busy) });
    await stage.call(measure, ref, ports);
    const [verdict] = (await stage.ports.journal.events(FIRST)).flatMap((event) =>
      event.type === 'Measured' ? [event.verdict.status] : [],
    );
    expect(verdict).not.toBe('broken');
    expect(verdict).toBeDefined();
  });

  test('who is complete is closed later, and not reverted', async () => {
    const stage = setUp({ rollout: { verify: '0s' } });
    const ref = await stage.openRaised();
    await stage.call(command, { command: 'promote', rolloutId: FIRST, by: 'ada', full: true });
    expect((await stage.call(promoteCanary, ref)).kind).toBe('close');
    const ports = withRouter(stage.ports, { observe: () => Promise.reject(busy) });
    expect(await stage.call(closeRollout, ref, ports)).toMatchObject({ kind: 'hold' });
    await stage.clock.advance(31_000);
    await stage.call(measure, ref);
    await stage.call(closeRollout, ref);
    expect(await stage.rollout()).toMatchObject({ outcome: 'completed' });
  });

  test('an abort in it stands in the journal, and its execution is woken to carry it out', async () => {
    const stage = setUp();
    const ref = await stage.openRaised();
    await stage.ports.journal.putToken(FIRST, { version: (await stage.rollout()).version, token: 't' });
    const ports = withRouter(stage.ports, { revert: () => Promise.reject(busy) });
    await stage.call(command, { command: 'abort', rolloutId: FIRST, by: 'ada', reason: 'odd' }, ports);
    expect(await stage.rollout()).toMatchObject({ leaving: { cause: 'human', outcome: 'reverted' } });
    expect(stage.woken).toEqual(['t']);
    expect((await stage.call(decide, ref)).kind).toBe('revert');
  });
});

test('an opening takes its calls, waits a little at most, and says how many ran', async () => {
  const stage = setUp();
  const event = await stage.upload();
  const { ports, taken } = budgetIn(stage, 60_000);
  const began = stage.clock.now();
  expect(await stage.call(openRollout, event, ports)).toMatchObject({ result: 'opened' });
  expect(stage.clock.now() - began).toBeLessThan(6_000);
  expect(taken).toEqual([6]);
  expect((await stage.rollout()).opening.running).toBe(0);
});

describe('an opening that is refused', () => {
  test('before anything is looked up on Lambda is charged nothing', async () => {
    const stage = setUp();
    const { ports, taken } = budgetIn(stage, 0);
    await stage.openRaised();
    const at = stage.clock.now();
    await stage.ports.journal.append(await stage.rollout(), [
      { type: 'Aborted', at, by: actor('ada'), reason: 'odd' },
      { type: 'RolloutClosed', at, outcome: 'reverted', reason: 'ada aborted: odd' },
    ]);
    // The same version under another release id is quarantined.
    const again = await stage.upload({
      release: 'same-code',
      order: 2,
      manifest: { targets: { api: { version: '2' } } },
    });
    expect(await stage.call(openRollout, again, ports)).toMatchObject({ result: 'refused' });
    expect(taken).toEqual([]);
  });

  test('at its first target is charged for that target alone', async () => {
    const stage = setUp();
    const { ports, taken } = budgetIn(stage, 0);
    const targets = Object.fromEntries(
      Array.from({ length: 20 }, (_, nth) => [`t${nth}`, { lambda: `nobody-${nth}`, alias: 'live' }]),
    );
    const versions = Object.fromEntries(Object.keys(targets).map((name) => [name, { version: '1' }]));
    const event = await stage.upload({ manifest: { targets: versions }, rollout: { targets } });
    expect(await stage.call(openRollout, event, ports)).toMatchObject({ result: 'refused' });
    expect(taken).toEqual([6]);
  });
});
